//! `ConvertFrom-Json`: JSON text as records.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Parameter};
use crate::value::record::canonical;
use crate::value::text::shortened;
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
                      their order. A whole number beyond 64 bits becomes a text with all its digits, with a warning.",
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
    let (kept, large) = with_large_numbers_as_text(&json);
    if let Some(first) = large {
        call.warn(format!(
            "Numbers beyond 64 bits, such as {first}, are kept as texts with all their digits."
        ))?;
    }
    for value in serde_json::Deserializer::from_str(&kept).into_iter::<Json>() {
        let Json(value) = value.map_err(|error| {
            let error = fault(&json).unwrap_or(error);
            ErrorRecord::new(Category::InvalidData, "InvalidJson", format!("The text is not JSON: {error}."))
                .remedy("Mend the text at this line and column.")
        })?;
        call.emit_each(value).await?;
    }
    Ok(())
}

/// Returns the error in a text as it was written, so that line and column are those of the author.
fn fault(json: &str) -> Option<serde_json::Error> {
    serde_json::Deserializer::from_str(json).into_iter::<Json>().find_map(Result::err)
}

/// A JSON text in which every whole number that has no 64-bit value is a string of its digits, and the
/// first of them; no reader of JSON would keep all digits of such a number.
fn with_large_numbers_as_text(json: &str) -> (Cow<'_, str>, Option<&str>) {
    let bytes = json.as_bytes();
    let mut kept = String::new();
    let mut first = None;
    let (mut copied, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = behind_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                let end = at + bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let number = &json[at..end];
                let digits = number.strip_prefix('-').unwrap_or(number);
                let is_whole = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
                let is_json = digits.len() == 1 || !digits.starts_with('0');
                if is_whole && is_json && number.parse::<i64>().is_err() {
                    first = first.or(Some(number));
                    kept.push_str(&json[copied..at]);
                    kept.push_str(&format!("\"{number}\""));
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if first.is_none() {
        return (Cow::Borrowed(json), None);
    }
    kept.push_str(&json[copied..]);
    (Cow::Owned(kept), first)
}

/// Returns the position behind the end of the string that begins at a quote.
fn behind_string(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
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
        // Larger ones are texts by now.
        Ok(i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer))
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
        let mut places: HashMap<String, usize> = HashMap::new();
        while let Some((name, Json(value))) = map.next_entry::<String, Json>()? {
            if let Some(place) = places.insert(canonical(&name), record.len()) {
                let own = shortened(record.names().nth(place).unwrap_or_default());
                let message = format!("the properties '{own}' and '{}' are one name here", shortened(&name));
                return Err(serde::de::Error::custom(message));
            }
            record.add(name, value);
        }
        Ok(record.into())
    }
}

#[cfg(test)]
mod tests {
    use super::with_large_numbers_as_text;

    #[test]
    fn numbers_that_fit_and_digits_in_strings_stay_as_they_are() {
        for (json, kept) in [
            ("[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]"),
            ("[9223372036854775808]", "[\"9223372036854775808\"]"),
            ("{\"a\":-9223372036854775809}", "{\"a\":\"-9223372036854775809\"}"),
            (
                "\"99999999999999999999 \\\" 99999999999999999999\"",
                "\"99999999999999999999 \\\" 99999999999999999999\"",
            ),
            ("[1e400,99999999999999999999.5,1.0]", "[1e400,99999999999999999999.5,1.0]"),
            (
                "[099999999999999999999,-,99999999999999999999x]",
                "[099999999999999999999,-,99999999999999999999x]",
            ),
            ("1 99999999999999999999", "1 \"99999999999999999999\""),
            ("\"open 99999999999999999999\\", "\"open 99999999999999999999\\"),
        ] {
            assert_eq!(with_large_numbers_as_text(json).0, kept);
        }
    }
}
