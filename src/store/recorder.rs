//! The writer beside the tests: results are stored in groups, in the order in which they come.
//!
//! [`Recorder::record`] returns when its results are stored, so that a result that was printed is not lost
//! where the process is killed; it waits no longer than `PATIENCE`. The first fault of the store is one
//! warning, and nobody waits for the store until it works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{NewResult, Store, StoreFault};

/// The time that a test's result waits for the store.
const PATIENCE: Duration = Duration::from_secs(2);
/// The maximum number of results that one transaction stores.
const GROUP: usize = 256;
/// The maximum number of results that wait for a store that is slow; further ones are dropped, with the warning.
const WAITING: usize = 4_096;

/// The writer of one run. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    entries: mpsc::Sender<(Entry, oneshot::Sender<()>)>,
    is_faulty: Arc<AtomicBool>,
    counts: Arc<RecorderCounts>,
}

/// The counts of one run's results.
#[derive(Default)]
struct RecorderCounts {
    given: AtomicUsize,
    stored: AtomicUsize,
}

/// An entry that waits for the writer.
enum Entry {
    Result(Box<NewResult>),
    /// Everything before it is to be stored.
    Flush,
}

/// The results that the store could not keep, reported once. Those that met a lock wait until it is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept {
    /// Why.
    pub fault: StoreFault,
    /// The number of results, as far as it is known then.
    pub n_results: usize,
}

impl Recorder {
    /// Starts the writer. `tell` hears the first fault of the store.
    pub fn start(store: Store, tell: impl FnOnce(NotKept) + Send + 'static) -> Self {
        let (entries, mut waiting) = mpsc::channel::<(Entry, oneshot::Sender<()>)>(WAITING);
        let is_faulty = Arc::new(AtomicBool::new(false));
        let faulty = is_faulty.clone();
        let counts = Arc::new(RecorderCounts::default());
        let counted = counts.clone();
        tokio::spawn(async move {
            let mut tell = Some(tell);
            let mut group = Vec::new();
            while waiting.recv_many(&mut group, GROUP).await > 0 {
                let mut results = Vec::with_capacity(group.len());
                let mut stored = Vec::with_capacity(group.len());
                for (entry, is_stored) in group.drain(..) {
                    if let Entry::Result(result) = entry {
                        results.push(*result);
                    }
                    stored.push(is_stored);
                }
                let results = Arc::new(results);
                while !results.is_empty() {
                    let group = results.clone();
                    // Whoever tests by hand sees what turned: notices are the watchers'.
                    let kept = store.write(move |sql| super::record::record(sql, &group, &[])).await;
                    let Err(fault) = kept else {
                        faulty.store(false, Ordering::Relaxed);
                        counted.stored.fetch_add(results.len(), Ordering::Relaxed);
                        break;
                    };
                    faulty.store(true, Ordering::Relaxed);
                    // Whoever has the lock gives it back some time; until then nobody waits.
                    let is_locked = matches!(fault, StoreFault::Locked { .. });
                    if let Some(tell) = tell.take() {
                        tell(NotKept { fault, n_results: results.len() });
                    }
                    if !is_locked || waiting.is_closed() {
                        break;
                    }
                }
                // Nobody need be waiting any more.
                for stored in stored {
                    let _ = stored.send(());
                }
            }
        });
        Self { entries, is_faulty, counts }
    }

    /// Gives results to the writer and waits until they are stored, or the store has shown that it cannot.
    pub async fn record(&self, results: Vec<NewResult>) {
        let mut waiting = Vec::with_capacity(results.len());
        self.counts.given.fetch_add(results.len(), Ordering::Relaxed);
        for result in results {
            let (stored, is_stored) = oneshot::channel();
            if self.entries.try_send((Entry::Result(Box::new(result)), stored)).is_ok() {
                waiting.push(is_stored);
            }
        }
        if self.is_faulty.load(Ordering::Relaxed) {
            return;
        }
        if tokio::time::timeout(PATIENCE, futures_util::future::join_all(waiting)).await.is_err() {
            self.is_faulty.store(true, Ordering::Relaxed);
        }
    }

    /// Waits until everything that was given is stored, for at most so long.
    pub async fn flush(&self, patience: Duration) {
        let (stored, is_stored) = oneshot::channel();
        let flushed = async {
            if self.entries.send((Entry::Flush, stored)).await.is_ok() {
                let _ = is_stored.await;
            }
        };
        let _ = tokio::time::timeout(patience, flushed).await;
    }

    /// The number of results that were given and are not stored.
    pub fn n_missing(&self) -> usize {
        let RecorderCounts { given, stored } = &*self.counts;
        given.load(Ordering::Relaxed).saturating_sub(stored.load(Ordering::Relaxed))
    }
}
