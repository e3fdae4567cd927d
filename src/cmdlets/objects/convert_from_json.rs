//! `ConvertFrom-Json`: JSON text as records.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Parameter};
use crate::value::{Record, Value};

/// `ConvertFrom-Json`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "ConvertFrom-Json",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Turns JSON text into records.",
        description: "An array is emitted element by element. Several texts, such as the lines of a file, are read \
                      as one; values one behind the other (JSON Lines) are emitted one by one. Properties keep \
                      their order.",
        parameters: &[Parameter { position: Some(0), ..INPUT_OBJECT }],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A property of a JSON text",
            code: "ConvertFrom-Json '{\"Pool\":\"atl-cs-001\",\"Port\":5222}' | Select-Object -ExpandProperty Port",
            output: "5222",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let mut json = String::new();
    while let Some(item) = call.input.next().await {
        json.push_str(&item.to_string());
        json.push('\n');
    }
    for value in serde_json::Deserializer::from_str(&json).into_iter::<Json>() {
        let Json(value) = value.map_err(|error| {
            ErrorRecord::new(Category::InvalidData, "InvalidJson", format!("The text is not JSON: {error}."))
                .remedy("Mend the text at this line and column.")
        })?;
        call.emit_each(value).await?;
    }
    Ok(())
}

/// A value as it stands in JSON. Nesting is limited by the reader to 128 levels.
struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonReader).map(Json)
    }
}

struct JsonReader;

impl<'de> Visitor<'de> for JsonReader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Boolean(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Json(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut record = Record::new("Map");
        while let Some((name, Json(value))) = map.next_entry::<String, Json>()? {
            if let Some(own) = record.spelling(&name) {
                let message = format!("the properties '{own}' and '{name}' are one name here");
                return Err(serde::de::Error::custom(message));
            }
            record.set(name, value);
        }
        Ok(record.into())
    }
}
