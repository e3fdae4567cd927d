//! `Sort-Object`: the records of the pipe in order.

use std::cmp::Ordering;

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::Value;
use crate::value::order::{folded, order_folded};
use crate::value::pattern::Case;

/// `Sort-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Sort-Object",
        original: None,
        aliases: &["sort"],
        family: Family::Objects,
        synopsis: "Sorts records by their properties.",
        description: "Without -Property the values themselves are sorted. Letter case does not count unless \
                      -CaseSensitive is given; what is equal keeps its order. A calculated property may say \
                      Descending=$true for itself. Nothing leaves before everything has come.",
        parameters: &[
            Parameter::new("Property", Kind::Property, "What to sort by, the most important first.")
                .many()
                .at(0),
            Parameter::new("Descending", Kind::Switch, "The greatest first."),
            Parameter::new("Unique", Kind::Switch, "Of what is equal, only the first."),
            Parameter::new(
                "Top",
                Kind::Integer(1, i64::MAX),
                "Only so many from the beginning of the order.",
            ),
            Parameter::new("Bottom", Kind::Integer(1, i64::MAX), "Only so many from its end."),
            Parameter::new("CaseSensitive", Kind::Switch, "Letter case counts."),
            Parameter::new("Stable", Kind::Switch, "Accepted; the order of what is equal is always kept."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "The greatest first",
            code: "Write-Output 5222 5269 5223 | Sort-Object -Descending",
            output: "5269\n5223\n5222",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let mut properties = Properties::given(&call.bound, "Property")?;
    let case = if call.bound.switch("CaseSensitive") { Case::Sensitive } else { Case::Ignored };
    let is_descending = call.bound.switch("Descending");
    let mut keyed: Vec<(Vec<Value>, Value)> = Vec::new();
    while let Some(item) = call.input.next().await {
        if let Some(unknown) = properties.unknown(&item) {
            return Err(ErrorRecord::no_such_property(&unknown).into());
        }
        let key = if properties.is_empty() { vec![item.clone()] } else { properties.values(&call, &item)? };
        keyed.push((key.into_iter().map(|key| folded(key, case)).collect(), item));
    }
    let descends: Vec<bool> =
        properties.iter().map(|property| property.is_descending.unwrap_or(is_descending)).collect();
    let compare = |left: &[Value], right: &[Value]| {
        let pairs = left.iter().zip(right).enumerate().map(|(place, (left, right))| {
            let ordering = order_folded(left, right, case);
            if descends.get(place).copied().unwrap_or(is_descending) { ordering.reverse() } else { ordering }
        });
        pairs.fold(Ordering::Equal, Ordering::then)
    };
    // A comparison only goes along both texts, so that many long ones are soon in order.
    keyed.sort_by(|(left, _), (right, _)| compare(left, right));
    if call.bound.switch("Unique") {
        keyed.dedup_by(|(right, _), (left, _)| compare(left, right) == Ordering::Equal);
    }
    let limit = |parameter| call.bound.integer(parameter).and_then(|number| usize::try_from(number).ok());
    let from = limit("Bottom").map_or(0, |bottom| keyed.len().saturating_sub(bottom));
    let until = limit("Top").unwrap_or(usize::MAX);
    for (_, item) in keyed.into_iter().skip(from).take(until) {
        call.emit(item).await?;
    }
    Ok(())
}
