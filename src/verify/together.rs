//! Many jobs at once, no more than so many, with their results as they come.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

/// Does the jobs, at most `throttle` of them at a time, and sends each result when it is there. Ends
/// early when nobody reads the results any more.
pub async fn together<Job>(
    throttle: usize,
    jobs: impl IntoIterator<Item = Job>,
    results: mpsc::Sender<Job::Output>,
) where
    Job: Future<Output: Send> + Send + 'static,
{
    let mut waiting = jobs.into_iter();
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < throttle.max(1) {
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
            // A task ends without a result only when the runtime ends.
            Some(Err(_)) => {}
            None => break,
        }
    }
}
