//! Many jobs at once, no more than so many, with their results as they come.
//!
//! The one scheduler of every verification. Never loses a job: one that panics is told of.

use std::any::Any;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A job without a result: it panicked, which is a fault of the program and says nothing of what was tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What the panic says.
    pub words: String,
}

/// Does the jobs, at most `throttle` of them at a time, and sends each result when it is there; gives
/// those that have none. Ends early when nobody reads the results any more, or when the token is
/// cancelled: what was under way gives its results, the rest is left out.
pub async fn together<Job>(
    throttle: usize,
    jobs: impl IntoIterator<Item = Job>,
    results: mpsc::Sender<Job::Output>,
    cancel: CancellationToken,
) -> Vec<Lost>
where
    Job: Future<Output: Send> + Send + 'static,
{
    let mut waiting = jobs.into_iter();
    let mut running = FuturesUnordered::new();
    let mut lost = Vec::new();
    loop {
        while running.len() < throttle.max(1) && !cancel.is_cancelled() {
            let Some(job) = waiting.next() else { break };
            // A task of its own: jobs use every core, not only the one that waits here.
            running.push(tokio::spawn(job));
        }
        match running.next().await {
            Some(Ok(result)) => {
                if results.send(result).await.is_err() {
                    break;
                }
            }
            Some(Err(ended)) => lost.push(Lost {
                words: match ended.try_into_panic() {
                    Ok(panic) => words(panic.as_ref()),
                    Err(ended) => ended.to_string(),
                },
            }),
            None => break,
        }
    }
    lost
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn all<T: Send>(mut results: mpsc::Receiver<T>) -> Vec<T> {
        let mut all = Vec::new();
        while let Some(result) = results.recv().await {
            all.push(result);
        }
        all
    }

    #[tokio::test]
    async fn a_job_that_panics_is_told_of_and_the_others_go_on() {
        let job = |n: usize| async move {
            match n {
                1 => panic!("broken"),
                2 => panic!("job {n} is broken"),
                _ => n,
            }
        };
        let (sender, results) = mpsc::channel(4);
        let running = together(1, (0..4).map(job), sender, CancellationToken::new());
        let (lost, mut done) = tokio::join!(running, all(results));
        done.sort_unstable();
        assert_eq!(done, [0, 3]);
        assert_eq!(lost, ["broken", "job 2 is broken"].map(|words| Lost { words: words.to_owned() }));
    }

    #[tokio::test]
    async fn no_more_jobs_run_at_once_than_the_throttle_says() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let job = |_| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let (sender, results) = mpsc::channel(4);
        let together = together(3, (0..20).map(job), sender, CancellationToken::new());
        let (lost, done) = tokio::join!(together, all(results));
        assert_eq!((lost.len(), done.len(), most.load(Ordering::SeqCst)), (0, 20, 3));
    }

    #[tokio::test]
    async fn what_waits_when_the_token_is_cancelled_is_left_out() {
        let cancel = CancellationToken::new();
        let job = |n: usize| {
            let cancel = cancel.clone();
            async move {
                cancel.cancel();
                n
            }
        };
        let (sender, results) = mpsc::channel(4);
        let together = together(1, (0..4).map(job), sender, cancel.clone());
        let (lost, done) = tokio::join!(together, all(results));
        assert_eq!((lost, done), (Vec::new(), vec![0]));
    }
}
