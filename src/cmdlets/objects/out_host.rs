//! `Out-Host`: shows what comes through the pipe, a screen at a time.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Halt, INPUT_OBJECT, NoAnswer, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::render::{Colour, Format, Renderer};

/// `Out-Host`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Out-Host",
        original: None,
        aliases: &["oh", "more"],
        family: Family::Objects,
        synopsis: "Shows what comes through the pipe, a screen at a time.",
        description: "At a terminal it stops when the screen is full: Enter shows the next screen, and q with Enter \
            ends the command. Anywhere else everything goes on as it came.",
        parameters: &[
            Parameter::new("Paging", Kind::Switch, "Accepted; it pages without it as well."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Reads a long page of help (Get-Help about_Language | more) from its beginning",
            code: "Write-Output \"one line\" | more",
            output: "one line",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let Some((rows, columns)) = call.context.operator.screen().filter(|(rows, _)| *rows > 1) else {
        while let Some(item) = call.input.next().await {
            call.emit(item).await?;
        }
        return Ok(());
    };
    let mut screen = Screen { rows: rows - 1, columns: columns.max(1), used: 0 };
    let mut renderer: Option<Renderer> = None;
    while let Some(item) = call.input.next().await {
        let shown = match item.as_text() {
            Some(text) => {
                let before = renderer.take().map(Renderer::finish).unwrap_or_default();
                format!("{before}{text}\n")
            }
            None => {
                let new = || Renderer::new(Format::VIEW, Some(columns), Colour::Never);
                renderer.get_or_insert_with(new).push(&item)
            }
        };
        if !screen.show(&call, &shown)? {
            return Ok(());
        }
    }
    let rest = renderer.map(Renderer::finish).unwrap_or_default();
    screen.show(&call, &rest)?;
    Ok(())
}

/// The part of the screen that is used.
struct Screen {
    rows: usize,
    columns: usize,
    used: usize,
}

impl Screen {
    /// Shows whole lines, and asks before one that no longer has room; says whether more is wanted.
    fn show(&mut self, call: &Call, text: &str) -> Result<bool, Halt> {
        for line in text.lines() {
            let needed = line.chars().count().div_ceil(self.columns).max(1);
            if self.used > 0 && self.used + needed > self.rows {
                self.used = 0;
                if !is_wanted(call)? {
                    return Ok(false);
                }
            }
            self.used += needed;
            call.context.operator.host(line);
        }
        Ok(true)
    }
}

fn is_wanted(call: &Call) -> Result<bool, Halt> {
    match tokio::task::block_in_place(|| call.context.operator.ask(MORE, &call.cancel)) {
        Ok(answer) => Ok(!answer.trim().to_ascii_lowercase().starts_with('q')),
        Err(NoAnswer::NoOperator) => Ok(true),
        Err(NoAnswer::Interrupted) => Err(Halt::Cancelled),
    }
}

const MORE: &str = "-- More -- (Enter: the next screen, q: enough) ";
