"""Evaluation: tasks, metrics, baselines. Apart from models: whatever predicts can be measured."""
