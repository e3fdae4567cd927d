//! `Select-Object`: some of the records, or some of their properties.

use std::collections::{HashSet, VecDeque};

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Halt, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::order::key;
use crate::value::pattern::{Case, Pattern};
use crate::value::{UnknownProperty, Value, article};

/// `Select-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Select-Object",
        original: None,
        aliases: &["select"],
        family: Family::Objects,
        synopsis: "Selects records from the pipe, or properties of records.",
        description: "With -Property it emits records of these properties alone; a map with Name and Expression \
                      makes a calculated property. With -ExpandProperty it emits the property's value itself. \
                      -First, -Last, -Skip and -Unique choose among the records; -First ends the commands in \
                      front of it as soon as it has enough.",
        parameters: &[
            Parameter::new("Property", Kind::Property, "Names, patterns or calculated properties to keep.")
                .many()
                .at(0)
                .default("Every property."),
            Parameter::new("ExcludeProperty", Kind::Text, "Names or patterns of properties to leave out.")
                .many(),
            Parameter::new("ExpandProperty", Kind::Property, "The property whose value is emitted itself."),
            Parameter::new("First", Kind::Integer(0, i64::MAX), "So many records from the beginning."),
            Parameter::new("Last", Kind::Integer(0, i64::MAX), "So many records from the end."),
            Parameter::new(
                "Skip",
                Kind::Integer(0, i64::MAX),
                "Leaves out so many records at the beginning; \
                with -Last, at the end.",
            ),
            Parameter::new("SkipLast", Kind::Integer(0, i64::MAX), "Leaves out so many records at the end."),
            Parameter::new(
                "Index",
                Kind::Integer(0, i64::MAX),
                "The records at these places, counted from 0.",
            )
            .many(),
            Parameter::new("Unique", Kind::Switch, "Leaves out what equals something emitted before."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[
            Example {
                title: "The first two of three values",
                code: "Write-Output 5222 5223 5269 | Select-Object -First 2",
                output: "5222\n5223",
            },
            Example {
                title: "Two properties, one of them calculated",
                code: "ConvertFrom-Json '{\"Pool\":\"atl-cs-001\",\"Milliseconds\":1500}' | Select-Object Pool, @{Name=\"Seconds\"; Expression={$_.Milliseconds / 1000.0}}",
                output: "Pool       Seconds\n----       -------\natl-cs-001     1.5",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let mut shape = Projection::of(&call)?;
    let limit = |parameter| call.bound.integer(parameter).and_then(|number| usize::try_from(number).ok());
    let (first, last) = (limit("First"), limit("Last"));
    let mut skip = limit("Skip").unwrap_or(0);
    if let (None, Some(last)) = (first, last) {
        return select_last(call, shape, last, skip).await;
    }
    if let Some(n_left_out) = limit("SkipLast") {
        return select_last(call, shape, usize::MAX, n_left_out).await;
    }
    let places: Vec<usize> =
        call.bound.texts("Index").iter().filter_map(|place| place.parse().ok()).collect();
    if let Some(furthest) = places.iter().max() {
        let mut place = 0;
        while place <= *furthest
            && let Some(item) = call.input.next().await
        {
            if places.contains(&place) {
                shape.emit(&call, item).await?;
            }
            place += 1;
        }
        return Ok(());
    }
    let mut tail = VecDeque::new();
    let mut n_selected = 0;
    while first.is_none_or(|first| n_selected < first || last.is_some()) {
        let Some(item) = call.input.next().await else { break };
        if skip > 0 {
            skip -= 1;
        } else if first.is_none_or(|first| n_selected < first) {
            n_selected += 1;
            shape.emit(&call, item).await?;
        } else if let Some(last) = last {
            tail.push_back(item);
            if tail.len() > last {
                tail.pop_front();
            }
        }
    }
    for item in tail {
        shape.emit(&call, item).await?;
    }
    Ok(())
}

/// The last records, and with `-Skip` those in front of so many at the end.
async fn select_last(mut call: Call, mut shape: Projection, last: usize, skip: usize) -> Outcome {
    let mut tail = VecDeque::new();
    while let Some(item) = call.input.next().await {
        tail.push_back(item);
        if tail.len() > last.saturating_add(skip) {
            tail.pop_front();
        }
    }
    let n_left = tail.len().saturating_sub(skip);
    for item in tail.into_iter().take(n_left) {
        shape.emit(&call, item).await?;
    }
    Ok(())
}

/// The changes that are made to each selected record.
struct Projection {
    properties: Properties,
    excluded: Vec<Pattern>,
    expanded: Properties,
    seen: Option<HashSet<String>>,
}

impl Projection {
    fn of(call: &Call) -> Result<Self, crate::cmdlet::ErrorRecord> {
        let excluded = call.bound.texts("ExcludeProperty");
        Ok(Self {
            properties: Properties::given(&call.bound, "Property")?,
            excluded: excluded.iter().map(|pattern| Pattern::new(pattern, Case::Ignored)).collect(),
            expanded: Properties::given(&call.bound, "ExpandProperty")?,
            seen: call.bound.switch("Unique").then(HashSet::new),
        })
    }

    async fn emit(&mut self, call: &Call, item: Value) -> Outcome {
        if let Some(unknown) = self.properties.unknown(&item) {
            call.warn(format!("{}: its column stays empty.", describe(&unknown)))?;
        }
        if let Some(unknown) = self.expanded.unknown(&item) {
            return Err(ErrorRecord::no_such_property(&unknown).into());
        }
        for value in self.shaped(call, item)? {
            if let Some(seen) = &mut self.seen
                && !seen.insert(key(&value, Case::Sensitive))
            {
                continue;
            }
            call.emit(value).await?;
        }
        Ok(())
    }

    fn shaped(&self, call: &Call, item: Value) -> Result<Vec<Value>, Halt> {
        if !self.expanded.is_empty() {
            let values = self.expanded.values(call, &item)?;
            return Ok(values.into_iter().flat_map(Value::into_elements).collect());
        }
        let type_name = selected(&item);
        let mut record = match (&item, self.properties.is_empty(), self.excluded.is_empty()) {
            (_, true, true) => return Ok(vec![item]),
            (Value::Record(record), true, false) => {
                let mut kept = crate::value::Record::new(type_name);
                record.iter().for_each(|(name, value)| kept.set(name.to_owned(), value.clone()));
                kept
            }
            (_, true, false) => return Ok(vec![item]),
            (_, false, _) => self.properties.project(call, &item, type_name)?,
        };
        let is_excluded = |name: &String| self.excluded.iter().any(|pattern| pattern.matches(name));
        let excluded: Vec<String> = record.names().map(str::to_owned).filter(is_excluded).collect();
        excluded.iter().for_each(|name| drop(record.remove(name)));
        Ok(vec![record.into()])
    }
}

fn describe(unknown: &UnknownProperty) -> String {
    let hint = unknown.nearest.as_ref().map(|nearest| format!(" (did you mean '{nearest}'?)"));
    format!(
        "{} has no property '{}'{}",
        article("A", &unknown.type_name),
        unknown.name,
        hint.unwrap_or_default()
    )
}

/// The type of a record of which only a part is left, so that no view expects the rest.
fn selected(item: &Value) -> String {
    let name = item.kind();
    if name.starts_with("Selected.") { name.to_owned() } else { format!("Selected.{name}") }
}
