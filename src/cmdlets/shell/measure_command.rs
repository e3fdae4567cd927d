//! `Measure-Command`: how long a script block takes.

use std::time::Instant;

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::value::{Record, Value};

/// `Measure-Command`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Measure-Command",
        original: None,
        aliases: &[],
        family: Family::Shell,
        synopsis: "Runs a script block and says how long it took.",
        description: "What the block emits is dropped; only the time is emitted.",
        parameters: &[Parameter::new("Expression", Kind::Block, "The block to run.").at(0).required()],
        emits: "CommandDuration",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "How long a sum takes",
            code: "Measure-Command { 1 + 1 } | Get-Member -Name Duration | Select-Object Definition",
            output: "Definition\n----------\nduration",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let Some(block) = call.bound.block("Expression") else { return Ok(()) };
    let started = Instant::now();
    call.call_block(&block, Value::Null)?;
    let duration = started.elapsed();
    let record = Record::new("CommandDuration")
        .with("Duration", duration)
        .with("TotalSeconds", Value::Float(duration.as_secs_f64()))
        .with("TotalMilliseconds", Value::Float(duration.as_secs_f64() * 1e3));
    call.emit(record).await
}
