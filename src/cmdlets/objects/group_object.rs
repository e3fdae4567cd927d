//! `Group-Object`: records with equal properties together, and how many there are.

use std::collections::HashMap;

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::order::key;
use crate::value::pattern::Case;
use crate::value::{Record, Value};

/// `Group-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Group-Object",
        original: None,
        aliases: &["group"],
        family: Family::Objects,
        synopsis: "Groups records that have the same value of a property.",
        description: "Each group has its Count, its Name (the values, with a comma between several) and its Group, \
                      the records. The groups come in the order of their first records.",
        parameters: &[
            Parameter::new("Property", Kind::Property, "What the records of a group have in common.")
                .many()
                .at(0),
            Parameter::new("NoElement", Kind::Switch, "Leaves the records out of the groups."),
            Parameter::new(
                "AsHashTable",
                Kind::Switch,
                "Gives one map: the records of each group under its name.",
            ),
            Parameter::new("AsString", Kind::Switch, "Accepted; names are text in any case."),
            Parameter::new("CaseSensitive", Kind::Switch, "Letter case counts."),
            INPUT_OBJECT,
        ],
        emits: "GroupInfo",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "How often each value comes",
            code: "Write-Output Success Failure Success | Group-Object -NoElement",
            output: "Count Name\n----- ----\n    2 Success\n    1 Failure",
        }],
    },
    run: |call| Box::pin(run(call)),
};

struct RecordGroup {
    name: String,
    count: i64,
    elements: Vec<Value>,
}

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let mut properties = Properties::given(&call.bound, "Property")?;
    let case = if call.bound.switch("CaseSensitive") { Case::Sensitive } else { Case::Ignored };
    let has_elements = !call.bound.switch("NoElement") || call.bound.switch("AsHashTable");
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<RecordGroup> = Vec::new();
    while let Some(item) = call.input.next().await {
        if let Some(unknown) = properties.unknown(&item) {
            return Err(ErrorRecord::no_such_property(&unknown).into());
        }
        let values =
            if properties.is_empty() { vec![item.clone()] } else { properties.values(&call, &item)? };
        let keys: Vec<String> = values.iter().map(|value| key(value, case)).collect();
        let place = *places.entry(keys.join("\u{0}")).or_insert_with(|| {
            let name = values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
            groups.push(RecordGroup { name, count: 0, elements: Vec::new() });
            groups.len() - 1
        });
        let group = &mut groups[place];
        group.count += 1;
        if has_elements {
            group.elements.push(item);
        }
    }
    if call.bound.switch("AsHashTable") {
        let mut map = Record::new("Hashtable");
        groups.into_iter().for_each(|group| map.add(group.name, group.elements));
        return call.emit(map).await;
    }
    for group in groups {
        let mut record = Record::new("GroupInfo").with("Count", group.count).with("Name", group.name);
        if has_elements {
            record.set("Group", group.elements);
        }
        call.emit(record).await?;
    }
    Ok(())
}
