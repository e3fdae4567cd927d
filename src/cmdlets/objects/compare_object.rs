//! `Compare-Object`: what two sets of records have apart.

use std::collections::HashMap;

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::order::key;
use crate::value::pattern::Case;
use crate::value::{Record, Value};

/// `Compare-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Compare-Object",
        original: None,
        aliases: &["compare", "diff"],
        family: Family::Objects,
        synopsis: "Compares two sets of values, such as today's results and yesterday's.",
        description: "A value that only the second set has is marked =>, one that only the first has <=, and with \
                      -IncludeEqual one that both have ==. The order within the sets does not matter; a value that \
                      stands twice must stand twice in both.",
        parameters: &[
            Parameter::new("ReferenceObject", Kind::Any, "The first set.").many().at(0).required(),
            Parameter::new("DifferenceObject", Kind::Any, "The second set.")
                .many()
                .at(1)
                .required()
                .from_pipeline(),
            Parameter::new("Property", Kind::Property, "What to compare the records by.").many(),
            Parameter::new("IncludeEqual", Kind::Switch, "Emits what both sets have as well."),
            Parameter::new("ExcludeDifferent", Kind::Switch, "Emits only what both sets have."),
            Parameter::new("CaseSensitive", Kind::Switch, "Letter case counts."),
            Parameter::new("PassThru", Kind::Switch, "Emits the values themselves."),
        ],
        emits: "Comparison",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "What has come and what has gone",
            code: "Compare-Object -ReferenceObject a,b,c -DifferenceObject b,c,d",
            output: "InputObject SideIndicator\n----------- -------------\nd           =>\na           <=",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    let case = if call.bound.switch("CaseSensitive") { Case::Sensitive } else { Case::Ignored };
    let mut properties = Properties::given(&call.bound, "Property")?;
    let reference = call.bound.values("ReferenceObject");
    let mut difference = call.bound.values("DifferenceObject");
    if !call.bound.is_given("DifferenceObject") {
        while let Some(item) = call.input.next().await {
            difference.push(item);
        }
    }
    if let Some(unknown) = reference.first().and_then(|first| properties.unknown(first)) {
        return Err(ErrorRecord::no_such_property(&unknown).into());
    }
    let mut left: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, item) in reference.iter().enumerate().rev() {
        left.entry(identity(&call, &properties, item, case)?).or_default().push(place);
    }
    let excludes_different = call.bound.switch("ExcludeDifferent");
    let includes_equal = call.bound.switch("IncludeEqual") || excludes_different;
    let mut is_matched = vec![false; reference.len()];
    let mut added = Vec::new();
    for item in &difference {
        match left.get_mut(&identity(&call, &properties, item, case)?).and_then(Vec::pop) {
            Some(place) => is_matched[place] = true,
            None => added.push(item),
        }
    }
    let matched = |wanted: bool| {
        let pairs = reference.iter().zip(&is_matched);
        pairs.filter(move |(_, is_matched)| **is_matched == wanted).map(|(item, _)| item).collect::<Vec<_>>()
    };
    let mut sides = Vec::new();
    if includes_equal {
        sides.push((matched(true), "=="));
    }
    if !excludes_different {
        sides.push((added, "=>"));
        sides.push((matched(false), "<="));
    }
    for (items, side) in sides {
        for item in items {
            let value = told(&call, &properties, item, side)?;
            call.emit(value).await?;
        }
    }
    Ok(())
}

/// The key by which values are compared.
fn identity(call: &Call, properties: &Properties, item: &Value, case: Case) -> Result<String, Halt> {
    if properties.is_empty() {
        return Ok(key(item, case));
    }
    let keys: Vec<String> = properties.values(call, item)?.iter().map(|value| key(value, case)).collect();
    Ok(keys.join("\u{0}"))
}

/// The record for a value that is on one side.
fn told(call: &Call, properties: &Properties, item: &Value, side: &'static str) -> Result<Value, Halt> {
    if call.bound.switch("PassThru") {
        return Ok(item.clone());
    }
    let record = if properties.is_empty() {
        Record::new("Comparison").with("InputObject", item.clone())
    } else {
        properties.project(call, item, "Comparison".to_owned())?
    };
    Ok(record.with("SideIndicator", side).into())
}
