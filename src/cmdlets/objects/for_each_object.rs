//! `ForEach-Object`: a script block for every record, one after the other or several at once.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::access::limits::Limited;
use crate::call::{Call, Cmdlet, Halt, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::{Block, BlockError, Value};

/// `ForEach-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "ForEach-Object",
        original: None,
        aliases: &["%", "foreach"],
        family: Family::Objects,
        synopsis: "Runs a script block for every record of the pipe.",
        description: "In the block $_ is the record; what the block gives goes on through the pipe. With -Parallel \
                      up to -ThrottleLimit blocks run at once; their results come in the order of the records, \
                      and they read copies of the variables around them, which they cannot change: what a block \
                      finds out, it gives as its value. An error in a parallel block is reported and ends that \
                      record alone.",
        parameters: &[
            Parameter::new("Process", Kind::Property, "The block to run, or the name of a property to emit.")
                .aliases(&["MemberName"])
                .at(0),
            Parameter::new("Begin", Kind::Block, "A block to run before the first record."),
            Parameter::new("End", Kind::Block, "A block to run behind the last record."),
            Parameter::new("Parallel", Kind::Block, "The block to run for several records at once."),
            Parameter::new("ThrottleLimit", Kind::Integer(1, 1_000), "How many blocks run at once.")
                .default("5"),
            Parameter::new(
                "TimeoutSeconds",
                Kind::Integer(0, 86_400 * 365),
                "After so many seconds no further block starts, and the rest is given up.",
            )
            .default("0: as long as it takes."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[
            Example {
                title: "Each number and its square",
                code: "Write-Output 1 2 3 | ForEach-Object { $_ * $_ }",
                output: "1\n4\n9",
            },
            Example {
                title: "Several at once, in their order",
                code: "Write-Output 3 1 2 | ForEach-Object -Parallel { $_ * 10 } -ThrottleLimit 3",
                output: "30\n10\n20",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    if let Some(block) = call.bound.block("Begin") {
        call.emit_each(call.call_block(&block, Value::Null)?).await?;
    }
    match (call.bound.block("Parallel"), call.bound.is_given("Process")) {
        (Some(block), false) => parallel(&mut call, block).await?,
        (None, true) => sequential(&mut call).await?,
        (Some(_), true) | (None, false) => {
            return Err(ErrorRecord::new(
                Category::InvalidArgument,
                "AmbiguousParameterSet",
                "ForEach-Object needs either a script block or -Parallel with one.",
            )
            .remedy("Write: ForEach-Object { … }, or ForEach-Object -Parallel { … }.")
            .into());
        }
    }
    match call.bound.block("End") {
        Some(block) => call.emit_each(call.call_block(&block, Value::Null)?).await,
        None => Ok(()),
    }
}

async fn sequential(call: &mut Call) -> Outcome {
    let mut process = Properties::given(&call.bound, "Process")?;
    while let Some(item) = call.input.next().await {
        if let Some(unknown) = process.unknown(&item) {
            return Err(ErrorRecord::no_such_property(&unknown).into());
        }
        for value in process.values(call, &item)? {
            call.emit_each(value).await?;
        }
        call.give_way().await?;
    }
    Ok(())
}

/// Runs the block for several records at once; the results leave in the records' order.
async fn parallel(call: &mut Call, block: Arc<dyn Block>) -> Outcome {
    let blocks =
        Blocks { cancel: call.cancel.child_token(), permits: Arc::new(Semaphore::new(at_once(call))), block };
    let mut running = FuturesOrdered::new();
    let outcome = in_order(call, &blocks, &mut running).await;
    // Whatever the reason to end: no block outlives the command. At the end of the process it would
    // find that what it waits with is gone.
    blocks.cancel.cancel();
    while running.next().await.is_some() {}
    outcome
}

/// Returns the number of blocks that run at once: as many as are asked for, and as a delegated session may have.
fn at_once(call: &Call) -> usize {
    let wanted = number(call, "ThrottleLimit").unwrap_or(5).max(1);
    let most = call.context.budget.get().map(|budget| budget.limits.get(Limited::Threads) as usize);
    wanted.min(most.unwrap_or(usize::MAX))
}

fn number(call: &Call, parameter: &str) -> Option<usize> {
    call.bound.integer(parameter).and_then(|number| usize::try_from(number).ok())
}

/// The state that all runs of the block share.
struct Blocks {
    block: Arc<dyn Block>,
    /// One for each run that may be under way.
    permits: Arc<Semaphore>,
    /// Ends them all.
    cancel: CancellationToken,
}

type RunningBlock = Pin<Box<dyn Future<Output = Result<Value, BlockError>> + Send>>;

async fn in_order(call: &mut Call, blocks: &Blocks, running: &mut FuturesOrdered<RunningBlock>) -> Outcome {
    let limit = blocks.permits.available_permits();
    let deadline = match number(call, "TimeoutSeconds") {
        None | Some(0) => None,
        Some(seconds) => Some(Instant::now() + Duration::from_secs(seconds as u64)),
    };
    let mut is_ended = false;
    loop {
        if is_ended && running.is_empty() {
            return Ok(());
        }
        // A slow record holds back the results behind it, but only so many.
        let has_room = !is_ended && running.len() < limit.saturating_mul(4);
        tokio::select! {
            biased;
            () = call.cancel.cancelled() => return Err(Halt::Cancelled),
            () = reached(deadline) => return timed_out(call, running.len()),
            Some(ended) = running.next(), if !running.is_empty() => match ended {
                Ok(value) => call.emit_each(value).await?,
                Err(BlockError::Stopped) => return Err(Halt::Cancelled),
                Err(BlockError::Failed { message, record, .. }) => {
                    let record = record.and_then(|record| record.downcast_ref::<ErrorRecord>().cloned());
                    call.error(record.unwrap_or_else(|| {
                        ErrorRecord::new(Category::NotSpecified, "ParallelBlockFailed", message)
                    }))?;
                }
            },
            item = call.input.next(), if has_room => match item {
                Some(item) => running.push_back(Box::pin(blocks.run(item))),
                None => is_ended = true,
            },
        }
    }
}

impl Blocks {
    /// One run of the block, when it is its turn, on a thread of its own.
    fn run(&self, item: Value) -> impl Future<Output = Result<Value, BlockError>> + use<> {
        let Self { block, permits, cancel } = self;
        let (permits, cancel, block) = (permits.clone(), cancel.clone(), block.apart(cancel.clone()));
        async move {
            // The semaphore is never closed; a block that panicked was stopped.
            let _permit = permits.acquire().await.map_err(|_| BlockError::Stopped)?;
            if cancel.is_cancelled() {
                return Err(BlockError::Stopped);
            }
            let run = tokio::task::spawn_blocking(move || block.call(item));
            let ended = run.await.unwrap_or(Err(BlockError::Stopped));
            if matches!(ended, Err(BlockError::Stopped)) {
                // The others end too, also one that is to be told before it, and asks something.
                cancel.cancel();
            }
            ended
        }
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn timed_out(call: &Call, n_running: usize) -> Outcome {
    call.error(
        ErrorRecord::new(
            Category::LimitsExceeded,
            "ParallelTimeout",
            format!(
                "The time of -TimeoutSeconds was over; {n_running} records and all behind them were given up."
            ),
        )
        .remedy("Give more seconds, or a higher -ThrottleLimit."),
    )
}
