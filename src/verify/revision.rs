//! Results on their way to the caller, and what late news make of them.
//!
//! Stands between the scheduler and whoever reads the results of a batch. An error that comes when the result
//! of its message is there takes a success back: one that has not been told yet is told as a failure, one that
//! has been is told again. Never waits for news: with the last result it is over.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::outcome::TestResult;
use crate::xmpp::session::{LateSign, MOST_TOLD};

/// The results and news that are remembered while results are told.
#[derive(Default)]
pub(super) struct Revisions {
    /// Successes that were told, by the ids of their messages, and in their order.
    told: HashMap<String, Arc<TestResult>>,
    order: VecDeque<String>,
    /// News of messages whose results have not been told.
    early: HashMap<String, LateSign>,
}

impl Revisions {
    /// Tells every result as it comes, and again where late news take it back, until all have come or nobody
    /// reads them.
    pub(super) async fn tell(
        mut self,
        mut coming: mpsc::Receiver<TestResult>,
        mut late: mpsc::UnboundedReceiver<LateSign>,
        results: mpsc::Sender<Arc<TestResult>>,
    ) {
        loop {
            let told = tokio::select! {
                biased;
                () = results.closed() => return,
                Some(news) = late.recv() => self.revised(news).map(Arc::new),
                result = coming.recv() => match result {
                    Some(result) => Some(self.told(result)),
                    None => break,
                },
            };
            if let Some(result) = told
                && results.send(result).await.is_err()
            {
                return;
            }
        }
        while let Ok(news) = late.try_recv() {
            if let Some(result) = self.revised(news)
                && results.send(Arc::new(result)).await.is_err()
            {
                return;
            }
        }
    }

    /// A result as it is told: with the news that have come before it.
    fn told(&mut self, result: TestResult) -> Arc<TestResult> {
        let Some(id) = result.taken.as_ref().map(|(message, _)| message.id().to_owned()) else {
            return Arc::new(result);
        };
        if let Some(revised) = self.early.remove(&id).and_then(|news| result.taken_back(&news)) {
            return Arc::new(revised);
        }
        let result = Arc::new(result);
        if self.order.len() == MOST_TOLD
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.told.insert(id, result.clone());
        result
    }

    /// Returns the result that takes the place of one that was told.
    fn revised(&mut self, news: LateSign) -> Option<TestResult> {
        let Some(told) = self.told.remove(&news.message) else {
            self.early.insert(news.message.clone(), news);
            return None;
        };
        self.order.retain(|id| *id != news.message);
        let after = told.taken.as_ref().map(|(message, _)| message.after(&news))?;
        Some(told.taken_back(&news)?.revising(after))
    }
}
