"""The datacube CNN: planet parameters to climate fields with their uncertainty, and the climate's state."""
