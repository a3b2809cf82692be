//! Windows over a stream of tokens, which may go on from one shard into the next.

use std::ops::Range;
use std::sync::Arc;

use super::decode::Conversion;
use super::error::{Error, Result};
use super::prefetch::Job;
use super::reader::{checked_indices, Reader};
use super::results::{grain, Form, Target};
use super::shard::{Stored, TOKEN_BLOCK};
use crate::dtype::Dtype;

/// A plan of windows: window i is the tokens from `i * stride` on, as many as a window has.
pub struct Windows {
    pub reader: Arc<Reader>,
    array: usize,
    window: usize,
    stride: usize,
    conversion: Conversion,
    documents: bool,
    check: bool,
    threads: usize,
    /// First token of each shard, and the number of tokens.
    starts: Vec<usize>,
    /// First document of each shard, and the number of documents.
    first_documents: Vec<usize>,
}

/// A batch of windows; what it is written to is told before it is handed to threads.
pub struct WindowBatch {
    plan: Arc<Windows>,
    windows: Vec<usize>,
    forms: Vec<Form>,
    grain: usize,
    targets: Vec<Target>,
}

/// A part of a window that lies in one shard.
struct Stretch {
    shard: usize,
    /// Tokens of the shard.
    tokens: Range<usize>,
}

/// What is asked of windows.
pub struct WindowRequest<'a> {
    pub name: &'a str,
    pub window: usize,
    pub stride: usize,
    pub dtype: Dtype,
    /// Whether a second result gives the document of each token.
    pub documents: bool,
    pub check: bool,
    pub threads: usize,
}

impl Windows {
    pub fn new(reader: Arc<Reader>, asked: &WindowRequest) -> Result<Windows> {
        let array = reader.array_of(asked.name, true)?;
        let stored_as = reader.arrays[array].dtype;
        if asked.window == 0 || asked.stride == 0 {
            return Error::request("a window and a stride are 1 token or more");
        }
        if !stored_as.widens_exactly_to(asked.dtype) {
            return Error::request(format!(
                "array '{}': {} does not hold every {}",
                asked.name,
                asked.dtype.name(),
                stored_as.name()
            ));
        }
        let sums = |count: fn(&Stored) -> usize| {
            let mut sums = vec![0];
            for stored in &reader.stored[array] {
                sums.push(sums[sums.len() - 1] + count(stored));
            }
            sums
        };
        Ok(Windows {
            starts: sums(Stored::tokens),
            first_documents: sums(Stored::documents),
            array,
            window: asked.window,
            stride: asked.stride,
            conversion: Conversion::widening(stored_as, asked.dtype),
            documents: asked.documents,
            check: asked.check,
            threads: asked.threads,
            reader,
        })
    }

    /// Number of windows that lie in the stream as a whole.
    pub fn count(&self) -> usize {
        let tokens = self.starts[self.starts.len() - 1];
        match tokens.checked_sub(self.window) {
            Some(last) => last / self.stride + 1,
            None => 0,
        }
    }

    /// The types of the results, in order.
    pub fn dtypes(&self) -> Vec<Dtype> {
        let documents = self.documents.then_some(Dtype::Int64);
        std::iter::once(self.conversion.output).chain(documents).collect()
    }

    /// A batch of windows, by their numbers.
    pub fn batch(self: &Arc<Windows>, indices: &[i64]) -> Result<WindowBatch> {
        let windows = checked_indices(indices, self.count())?;
        let form = |dtype: Dtype| Form::new(dtype, windows.len(), &[self.window]);
        let forms: Vec<Form> = self.dtypes().into_iter().map(form).collect();
        let mut bytes = 0usize;
        for form in &forms {
            bytes = bytes.saturating_add(form.bytes()?);
        }
        Ok(WindowBatch {
            plan: self.clone(),
            grain: grain(windows.len(), bytes, self.threads),
            windows,
            forms,
            targets: Vec::new(),
        })
    }

    fn stretches(&self, window: usize) -> Vec<Stretch> {
        let (mut token, end) = (window * self.stride, window * self.stride + self.window);
        let mut stretches = Vec::with_capacity(2);
        while token < end {
            let shard = self.starts.partition_point(|&start| start <= token) - 1;
            let until = end.min(self.starts[shard + 1]);
            let tokens = token - self.starts[shard]..until - self.starts[shard];
            stretches.push(Stretch { shard, tokens });
            token = until;
        }
        stretches
    }

    /// Looks at the checksums of the blocks that a stretch lies in, unless that was done before.
    fn check(&self, window: usize, stretch: &Stretch) -> Result<()> {
        let shard = &self.reader.shards[stretch.shard];
        let stored = &self.reader.stored[self.array][stretch.shard];
        for block in blocks(&stretch.tokens) {
            if stored.checked.contains(block) {
                continue;
            }
            let tokens = tokens_of(stored, block);
            let found = crc32fast::hash(shard.bytes(stored.rows(tokens.clone())));
            let held = stored.checksum(shard, block);
            if found != held {
                let name = &self.reader.arrays[self.array].name;
                let what = format!(
                    "array '{name}' is damaged in its tokens {tokens:?} of the shard: CRC-32 {found:08x}, \
                     not {held:08x}"
                );
                return Err(Error::sample(&shard.path, window, what));
            }
            stored.checked.add(block);
        }
        Ok(())
    }

    /// Writes the number in the pack of the document of each token.
    fn write_documents(&self, stretch: &Stretch, to: &mut [u8]) {
        let offsets = &self.reader.stored[self.array][stretch.shard].offsets;
        let first = self.first_documents[stretch.shard];
        let Range { start, end } = stretch.tokens;
        let mut document = offsets.partition_point(|&offset| offset <= start) - 1;
        let mut token = start;
        while token < end {
            let until = end.min(offsets[document + 1]);
            let number = ((first + document) as i64).to_le_bytes();
            for to in to[8 * (token - start)..8 * (until - start)].chunks_exact_mut(8) {
                to.copy_from_slice(&number);
            }
            (token, document) = (until, document + 1);
        }
    }
}

/// Blocks that tokens of a shard lie in.
fn blocks(tokens: &Range<usize>) -> Range<usize> {
    tokens.start / TOKEN_BLOCK..tokens.end.div_ceil(TOKEN_BLOCK)
}

fn tokens_of(stored: &Stored, block: usize) -> Range<usize> {
    block * TOKEN_BLOCK..stored.tokens().min((block + 1) * TOKEN_BLOCK)
}

impl WindowBatch {
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
        let plan = &self.plan;
        let stored = &plan.reader.stored[plan.array];
        let stretches: Vec<Stretch> = self
            .windows
            .iter()
            .flat_map(|&window| plan.stretches(window))
            .collect();
        let probe = stretches.first().map(|stretch| {
            (
                stretch.shard,
                stored[stretch.shard].rows(stretch.tokens.clone()).start,
            )
        });
        let everything = plan.reader.is_evicted(probe);
        for stretch in &stretches {
            let stored = &stored[stretch.shard];
            for block in blocks(&stretch.tokens) {
                if stored.advised.add(block) || everything {
                    let range = stored.rows(tokens_of(stored, block));
                    plan.reader.shards[stretch.shard].read_ahead(range);
                }
            }
        }
    }
}

impl Job for WindowBatch {
    fn items(&self) -> usize {
        self.windows.len()
    }

    fn grain(&self) -> usize {
        self.grain
    }

    fn start(&self) -> Result<()> {
        let plan = &self.plan;
        let mut shards: Vec<usize> = Vec::new();
        for &window in &self.windows {
            shards.extend(plan.stretches(window).iter().map(|stretch| stretch.shard));
        }
        shards.sort_unstable();
        shards.dedup();
        shards
            .into_iter()
            .try_for_each(|shard| plan.reader.shards[shard].unchanged())
    }

    fn run(&self, item: usize) -> Result<()> {
        let plan = &self.plan;
        let size = plan.conversion.output.size();
        let mut at = item * plan.window;
        for stretch in plan.stretches(self.windows[item]) {
            if plan.check {
                plan.check(self.windows[item], &stretch)?;
            }
            let count = stretch.tokens.len();
            let stored = &plan.reader.stored[plan.array][stretch.shard];
            let from = plan.reader.shards[stretch.shard].bytes(stored.rows(stretch.tokens.clone()));
            // SAFETY: each window is written to a row of its own, by one thread.
            let to = unsafe { self.targets[0].part(at * size, count * size) };
            plan.conversion.convert(0, from, to, None);
            if plan.documents {
                // SAFETY: as above.
                plan.write_documents(&stretch, unsafe { self.targets[1].part(8 * at, 8 * count) });
            }
            at += count;
        }
        Ok(())
    }

    fn spoil(&self) {
        for (form, target) in self.forms.iter().zip(&self.targets) {
            // SAFETY: no thread is at work on an item.
            unsafe { target.spoil(form.dtype) };
        }
    }
}
