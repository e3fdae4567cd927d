//! `Get-AuditLog`: who called what, when, and what became of it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use jiff::Timestamp;

use crate::access::BuiltIn;
use crate::access::audit::verify::read;
use crate::access::audit::{AuditOutcome as Became, Broken, Line};
use crate::call::filter::Filter;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::{Record, Value};

/// `Get-AuditLog`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-AuditLog",
        original: Some("Get-CsAuditLog"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Tells who called what, when, and what became of it.",
        description: "Gives a record for each call of a cmdlet and for each refusal, in the order in which they ended. \
            Outcome is Finished, Failed (Reason has the word of the error), Refused, Cancelled, or Started for a call \
            that has not ended: it is under way, or its process died. Passwords are never in it. Times are UTC. \
            Test-AuditLog checks that nothing was changed. A role needs both scopes global for it.",
        parameters: &[
            Parameter::new(
                "Principal",
                Kind::Text,
                "Who made the call: os-user:kim, principal:pilar, or a pattern with * and ?.",
            )
            .many()
            .default("Everybody")
            .binds(Binds::Everybody),
            Parameter::new("Cmdlet", Kind::Cmdlet, "What was called: names, or patterns with * and ?.")
                .many(),
            Parameter::new(
                "Outcome",
                Kind::Choice(&["Started", "Finished", "Failed", "Refused", "Cancelled"]),
                "What became of it.",
            )
            .many(),
            Parameter::new(
                "StartTime",
                Kind::Text,
                "Calls that began then or later: 2026-11-25, 2026-11-25T13:30, in UTC where no offset stands there; or 2h for two hours ago.",
            ),
            Parameter::new("EndTime", Kind::Text, "Calls that began before that; written as -StartTime."),
            Parameter::new("Newest", Kind::Integer(1, 1_000_000), "Only the last so many of those that fit.")
                .aliases(&["Last"]),
        ],
        emits: "AuditRecord",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::None,
        examples: &[
            Example {
                title: "The refusals of the last day, the newest ten",
                code: "Get-AuditLog -Outcome Refused -StartTime 24h -Newest 10",
                output: "",
            },
            Example {
                title: "Who has changed pools",
                code: "Get-AuditLog -Cmdlet *-Pool -Outcome Finished | Where-Object Cmdlet -ne Get-Pool | Select-Object Time, Principal, Cmdlet",
                output: "",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let wanted = AuditQuery::of(&call)?;
    let log = call.context.audit(&call.topology);
    let newest = call.bound.integer("Newest").and_then(|n| usize::try_from(n).ok());
    let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
    let reading = tokio::task::spawn_blocking(move || {
        let mut calls = Calls { wanted, newest, open: BTreeMap::new(), last: VecDeque::new(), sender };
        read(&log, |line| calls.take(line).is_continue())?;
        calls.finish();
        Ok::<(), Broken>(())
    });
    while let Some(record) = receiver.recv().await {
        call.emit(record).await?;
    }
    match reading.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(broken)) => Err(unreadable(&broken.to_string())),
        Err(stopped) => Err(unreadable(&stopped.to_string())),
    }
}

fn unreadable(why: &str) -> Halt {
    ErrorRecord::new(Category::ReadError, "AuditUnreadable", format!("The audit log cannot be read: {why}."))
        .remedy("Run Test-AuditLog to see what is wrong with it.")
        .into()
}

/// The conditions that select calls of the audit log.
struct AuditQuery {
    principals: Vec<Filter>,
    cmdlets: Vec<Filter>,
    outcomes: Vec<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl AuditQuery {
    fn of(call: &Call) -> Result<Self, ErrorRecord> {
        let filters = |texts: Vec<String>| texts.iter().map(|text| Filter::new(text)).collect();
        // A name of the original's is the same cmdlet; a pattern is no name.
        let named = |text: String| call.catalogue.find(&text).map_or(text, |own| own.name.to_owned());
        Ok(Self {
            principals: filters(call.bound.texts("Principal")),
            cmdlets: filters(call.bound.texts("Cmdlet").into_iter().map(named).collect()),
            outcomes: call.bound.texts("Outcome"),
            from: call.instant("StartTime")?,
            until: call.instant("EndTime")?,
        })
    }

    fn has(&self, told: &AuditedCall) -> bool {
        let fits = |filters: &[Filter], text: &str| {
            filters.is_empty() || filters.iter().any(|filter| filter.matches(text))
        };
        fits(&self.principals, &told.end.event.principal)
            && fits(&self.cmdlets, &told.end.event.cmdlet)
            && (self.outcomes.is_empty() || self.outcomes.iter().any(|word| word == told.word()))
            && self.from.is_none_or(|from| told.began() >= from)
            && self.until.is_none_or(|until| told.began() < until)
    }
}

/// The record of one call in the log.
struct AuditedCall {
    /// The first line of a call that was begun.
    start: Option<Line>,
    /// Its last line so far.
    end: Line,
}

impl AuditedCall {
    fn began(&self) -> Timestamp {
        self.start.as_ref().unwrap_or(&self.end).time
    }

    fn word(&self) -> &'static str {
        match self.end.event.outcome {
            Became::Started => "Started",
            Became::Finished => "Finished",
            Became::Failed(_) => "Failed",
            Became::Refused(_) => "Refused",
            Became::Cancelled => "Cancelled",
        }
    }

    fn record(self) -> Record {
        let (word, began) = (self.word(), self.began());
        let first = self.start.as_ref().unwrap_or(&self.end).n;
        let event = self.end.event;
        let reason = match event.outcome {
            Became::Refused(why) | Became::Failed(why) => Some(why),
            Became::Started | Became::Finished | Became::Cancelled => None,
        };
        let mut parameters = Record::new("Parameters");
        for (name, values) in event.parameters {
            let value = match <[String; 1]>::try_from(values) {
                Ok([one]) => Value::Text(one),
                Err(several) => Value::texts(several),
            };
            parameters.set(name, value);
        }
        Record::new("AuditRecord")
            .with("Time", Value::Timestamp(began))
            .with("Principal", event.principal)
            .with("Way", event.way)
            .with("Roles", Value::texts(event.roles))
            .with("Cmdlet", event.cmdlet)
            .with("Parameters", Value::from(parameters))
            .with("Outcome", word)
            .with("Reason", Value::optional(reason))
            .with("Errors", Value::texts(event.errors))
            .with("Duration", Value::optional(event.duration_ms.map(Duration::from_millis)))
            .with("Line", i64::try_from(first).unwrap_or(i64::MAX))
    }
}

/// Lines as they are read, put together to calls.
struct Calls {
    wanted: AuditQuery,
    newest: Option<usize>,
    /// Calls that have begun and not ended, by their word.
    open: BTreeMap<String, Line>,
    /// The newest, where only those are asked for.
    last: VecDeque<Record>,
    sender: tokio::sync::mpsc::Sender<Record>,
}

impl Calls {
    /// One line more; breaks when nobody wants any.
    fn take(&mut self, line: Line) -> ControlFlow<()> {
        match line.event.outcome {
            Became::Started => {
                self.open.insert(line.event.call.clone(), line);
                ControlFlow::Continue(())
            }
            Became::Refused(_) | Became::Finished | Became::Failed(_) | Became::Cancelled => {
                let start = self.open.remove(&line.event.call);
                self.give(AuditedCall { start, end: line })
            }
        }
    }

    /// Those that have not ended come last.
    fn finish(mut self) {
        let mut open: Vec<Line> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_by_key(|line| line.n);
        for end in open {
            if self.give(AuditedCall { start: None, end }).is_break() {
                return;
            }
        }
        for record in self.last {
            if self.sender.blocking_send(record).is_err() {
                return;
            }
        }
    }

    fn give(&mut self, told: AuditedCall) -> ControlFlow<()> {
        if !self.wanted.has(&told) {
            return ControlFlow::Continue(());
        }
        let Some(newest) = self.newest else {
            return match self.sender.blocking_send(told.record()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
        };
        if self.last.len() == newest {
            self.last.pop_front();
        }
        self.last.push_back(told.record());
        ControlFlow::Continue(())
    }
}
