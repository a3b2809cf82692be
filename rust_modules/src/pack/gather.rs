//! Batches of samples: which results they have, and how a sample gets into them.

use std::sync::Arc;

use super::decode::Conversion;
use super::error::{Error, Result};
use super::prefetch::Job;
use super::reader::{checked_indices, Place, Reader};
use super::results::{grain, Form, Target};
use super::spec::{Layout, Output};
use crate::dtype::Dtype;

/// Stored bytes that are checked and converted at a time: in cache still for the second of both.
const PASS: usize = 1 << 14;

/// What a plan of samples gives out.
pub struct Samples {
    pub reader: Arc<Reader>,
    pieces: Vec<Piece>,
    check: bool,
    threads: usize,
}

/// One output.
struct Piece {
    array: usize,
    conversion: Conversion,
    /// Which result its values are, and which its offsets and mask, if it has them.
    values: usize,
    offsets: Option<usize>,
    mask: Option<usize>,
}

/// A batch of samples; what it is written to is told before it is handed to threads.
pub struct SampleBatch {
    plan: Arc<Samples>,
    indices: Vec<usize>,
    places: Vec<Place>,
    /// The shards among `places`.
    shards: Vec<usize>,
    /// By piece: the row at which each sample begins, and the end.
    rows: Vec<Vec<usize>>,
    forms: Vec<Form>,
    grain: usize,
    targets: Vec<Target>,
}

impl Samples {
    pub fn new(reader: Arc<Reader>, outputs: &[Output], check: bool, threads: usize) -> Result<Samples> {
        let mut pieces = Vec::with_capacity(outputs.len());
        let mut results = 0..;
        for output in outputs {
            let array = reader.array_of(&output.name, false)?;
            let spec = &reader.arrays[array];
            output.check(spec)?;
            let conversion = Conversion::new(spec, output)?;
            pieces.push(Piece {
                array,
                values: next(&mut results),
                offsets: (spec.layout == Layout::Ragged).then(|| next(&mut results)),
                mask: conversion.mask.then(|| next(&mut results)),
                conversion,
            });
        }
        Ok(Samples {
            reader,
            pieces,
            check,
            threads,
        })
    }

    /// The types of the results, in order.
    pub fn dtypes(&self) -> Vec<Dtype> {
        let of_piece = |piece: &Piece| {
            let offsets = piece.offsets.map(|_| Dtype::Int64);
            [
                Some(piece.conversion.output),
                offsets,
                piece.mask.map(|_| Dtype::Bool),
            ]
        };
        self.pieces.iter().flat_map(of_piece).flatten().collect()
    }

    /// A batch of samples, by their indices in the pack.
    pub fn batch(self: &Arc<Samples>, indices: &[i64]) -> Result<SampleBatch> {
        let indices = checked_indices(indices, self.reader.samples())?;
        let places: Vec<Place> = indices.iter().map(|&index| self.reader.place(index)).collect();
        let mut shards: Vec<usize> = places.iter().map(|place| place.shard).collect();
        shards.sort_unstable();
        shards.dedup();
        let rows = self.pieces.iter().map(|piece| self.rows(piece, &places));
        let rows = rows.collect::<Result<Vec<Vec<usize>>>>()?;
        let forms = self.forms(&rows);
        let mut bytes = 0usize;
        for form in &forms {
            bytes = bytes.saturating_add(form.bytes()?);
        }
        Ok(SampleBatch {
            plan: self.clone(),
            grain: grain(indices.len(), bytes, self.threads),
            indices,
            places,
            shards,
            rows,
            forms,
            targets: Vec::new(),
        })
    }

    fn rows(&self, piece: &Piece, places: &[Place]) -> Result<Vec<usize>> {
        let stored = &self.reader.stored[piece.array];
        let mut starts = Vec::with_capacity(places.len() + 1);
        let mut start = 0usize;
        starts.push(start);
        for place in places {
            let rows = stored[place.shard].rows_of(place.sample).len();
            start = start.checked_add(rows).ok_or(Error::Memory(usize::MAX))?;
            starts.push(start);
        }
        Ok(starts)
    }

    fn forms(&self, rows: &[Vec<usize>]) -> Vec<Form> {
        let mut forms = Vec::new();
        for (piece, starts) in self.pieces.iter().zip(rows) {
            let spec = &self.reader.arrays[piece.array];
            let count = starts[starts.len() - 1];
            forms.push(Form::new(piece.conversion.output, count, &spec.shape));
            if piece.offsets.is_some() {
                forms.push(Form::new(Dtype::Int64, starts.len(), &[]));
            }
            if piece.mask.is_some() {
                forms.push(Form::new(Dtype::Bool, count, &spec.shape));
            }
        }
        forms
    }
}

fn next(results: &mut std::ops::RangeFrom<usize>) -> usize {
    let number = results.start;
    results.start += 1;
    number
}

impl SampleBatch {
    /// Type and shape of each result.
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// Says where each result is written to: a target of exactly its bytes.
    pub fn aim(&mut self, targets: Vec<Target>) {
        self.targets = targets;
    }

    /// Asks the operating system for what the batch reads, unless it is most likely in memory.
    pub fn read_ahead(&self) {
        let reader = &self.plan.reader;
        let first = self.plan.pieces.first().zip(self.places.first());
        let probe = first.map(|(piece, place)| {
            let stored = &reader.stored[piece.array][place.shard];
            (place.shard, stored.rows(stored.rows_of(place.sample)).start)
        });
        let everything = reader.is_evicted(probe);
        for piece in &self.plan.pieces {
            for place in &self.places {
                let stored = &reader.stored[piece.array][place.shard];
                if stored.advised.add(place.sample) || everything {
                    let range = stored.rows(stored.rows_of(place.sample));
                    reader.shards[place.shard].read_ahead(range);
                }
            }
        }
    }

    /// Writes one sample of one output.
    fn write(&self, item: usize, piece: &Piece, starts: &[usize]) -> Result<()> {
        let elements = self.plan.reader.arrays[piece.array].elements();
        let size = piece.conversion.output.size();
        let first = starts[item] * elements;
        let count = starts[item + 1] * elements - first;
        // SAFETY: samples of a batch are written to different rows of each target, each by one thread.
        let part =
            |target: usize, from: usize, bytes: usize| unsafe { self.targets[target].part(from, bytes) };
        if let Some(offsets) = piece.offsets {
            let end = (starts[item + 1] as i64).to_le_bytes();
            part(offsets, 8 * (item + 1), 8).copy_from_slice(&end);
        }
        let to = part(piece.values, first * size, count * size);
        let mask = piece.mask.map(|mask| part(mask, first, count));
        self.convert(item, piece, to, mask)
    }

    fn convert(&self, item: usize, piece: &Piece, to: &mut [u8], mut mask: Option<&mut [u8]>) -> Result<()> {
        let place = self.places[item];
        let shard = &self.plan.reader.shards[place.shard];
        let stored = &self.plan.reader.stored[piece.array][place.shard];
        let from = shard.bytes(stored.rows(stored.rows_of(place.sample)));
        if !self.plan.check || stored.checked.contains(place.sample) {
            piece.conversion.convert(0, from, to, mask);
            return Ok(());
        }
        let (read, written) = (piece.conversion.stored.size(), piece.conversion.output.size());
        let mut checksum = crc32fast::Hasher::new();
        let mut first = 0;
        for part in from.chunks(PASS) {
            checksum.update(part);
            let count = part.len() / read;
            let to = &mut to[first * written..(first + count) * written];
            let mask = mask.as_deref_mut().map(|mask| &mut mask[first..first + count]);
            piece.conversion.convert(first, part, to, mask);
            first += count;
        }
        let (found, held) = (checksum.finalize(), stored.checksum(shard, place.sample));
        if found == held {
            stored.checked.add(place.sample);
            return Ok(());
        }
        let name = &self.plan.reader.arrays[piece.array].name;
        Err(Error::sample(
            &shard.path,
            self.indices[item],
            format!("array '{name}' is damaged: CRC-32 {found:08x}, not {held:08x}"),
        ))
    }
}

impl Job for SampleBatch {
    fn items(&self) -> usize {
        self.places.len()
    }

    fn grain(&self) -> usize {
        self.grain
    }

    fn start(&self) -> Result<()> {
        for &shard in &self.shards {
            self.plan.reader.shards[shard].unchanged()?;
        }
        for offsets in self.plan.pieces.iter().filter_map(|piece| piece.offsets) {
            // SAFETY: no item is worked on yet; each will write where it ends, and the first begins at 0.
            unsafe { self.targets[offsets].part(0, 8) }.fill(0);
        }
        Ok(())
    }

    fn run(&self, item: usize) -> Result<()> {
        let mut pieces = self.plan.pieces.iter().zip(&self.rows);
        pieces.try_for_each(|(piece, starts)| self.write(item, piece, starts))
    }

    fn spoil(&self) {
        for (form, target) in self.forms.iter().zip(&self.targets) {
            // SAFETY: no thread is at work on an item.
            unsafe { target.spoil(form.dtype) };
        }
    }
}
