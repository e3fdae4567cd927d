//! The record: an ordered set of properties with a type name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Value;

/// An ordered set of named values; what a cmdlet emits.
#[derive(Clone, Debug)]
pub struct Record {
    type_name: Cow<'static, str>,
    properties: Vec<(Cow<'static, str>, Value)>,
}

impl Record {
    /// An empty record of the given type, such as `TestResult`.
    pub fn new(type_name: impl Into<Cow<'static, str>>) -> Self {
        Self { type_name: type_name.into(), properties: Vec::new() }
    }

    /// A record of these properties, in time in proportion to their number; of several of one name the last value
    /// stands in the place of the first.
    pub fn of<N: Into<Cow<'static, str>>>(
        type_name: impl Into<Cow<'static, str>>,
        properties: impl IntoIterator<Item = (N, Value)>,
    ) -> Self {
        let mut record = Self::new(type_name);
        let mut places: HashMap<String, usize> = HashMap::new();
        for (name, value) in properties {
            let name = name.into();
            match places.entry(canonical(&name)) {
                Entry::Occupied(place) => record.properties[*place.get()].1 = value,
                Entry::Vacant(place) => {
                    place.insert(record.len());
                    record.add(name, value);
                }
            }
        }
        record
    }

    /// The same record with one property more; a property of that name is replaced in its place.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a property: in its place if it exists, else at the end.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        let name = name.into();
        match self.position(&name) {
            Some(place) => self.properties[place].1 = value.into(),
            None => self.properties.push((name, value.into())),
        }
    }

    /// Adds a property of which the record is known to have none, at the end; one whose name differs by
    /// letter case or underscores stays beside it, since names may be data.
    pub fn add(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.properties.push((name.into(), value.into()));
    }

    /// Removes a property and gives its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.position(name).map(|place| self.properties.remove(place).1)
    }

    /// The type's name, which selects the view.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The value of the property, whatever the letter case or underscores of `name`.
    pub fn get(&self, name: &str) -> Result<&Value, UnknownProperty> {
        match self.position(name) {
            Some(place) => Ok(&self.properties[place].1),
            None => Err(UnknownProperty::new(name, self.type_name(), self.names())),
        }
    }

    /// The value of the property; of a span of time also as a number of seconds, `LatencySeconds` for
    /// `Latency`, as JSON has it.
    pub fn value(&self, name: &str) -> Result<Value, UnknownProperty> {
        self.get(name).cloned().or_else(|unknown| {
            let canonical = canonical(name);
            let span = canonical.strip_suffix("seconds").and_then(|span| self.get(span).ok());
            if let Some(Value::Duration(span)) = span {
                Ok(Value::Float(span.as_secs_f64()))
            } else {
                Err(unknown)
            }
        })
    }

    /// The property's name as the record itself spells it, if it has the property.
    pub fn spelling(&self, name: &str) -> Option<&str> {
        self.position(name).map(|place| self.properties[place].0.as_ref())
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.properties.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|(name, _)| name.as_ref())
    }

    /// The number of properties.
    pub fn len(&self) -> usize {
        self.properties.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }

    fn position(&self, name: &str) -> Option<usize> {
        // Exact spelling first: it is the common case and needs no folding.
        let exact = self.properties.iter().position(|(have, _)| have == name);
        exact.or_else(|| self.properties.iter().position(|(have, _)| folded(have).eq(folded(name))))
    }
}

/// Returns a member that PowerShell's authors expect of every record, or of every record of an error.
pub(super) fn part(record: &Record, name: &str) -> Option<Value> {
    let own = |name: &str| record.get(name).cloned().unwrap_or(Value::Null);
    let is_error = record.type_name() == "ErrorRecord";
    match canonical(name).as_str() {
        "psobject" => {
            let property = |(name, value): (&str, &Value)| -> Value {
                Record::new("PropertyInfo").with("Name", name).with("Value", value.clone()).into()
            };
            let properties: Vec<Value> = record.iter().map(property).collect();
            Some(Record::new("PSObject").with("Properties", Value::List(properties)).into())
        }
        "exception" if is_error => Some(Value::from(record.clone())),
        "fullyqualifiederrorid" if is_error => Some(own("Id")),
        "targetobject" if is_error => Some(own("Target")),
        "categoryinfo" if is_error => {
            let info = Record::new("CategoryInfo").with("Category", own("Category"));
            Some(info.with("Activity", own("Cmdlet")).with("TargetName", own("Target")).into())
        }
        "invocationinfo" if is_error => {
            let info = Record::new("InvocationInfo").with("ScriptLineNumber", own("Line"));
            Some(info.with("OffsetInLine", own("Column")).with("MyCommand", own("Cmdlet")).into())
        }
        _ => None,
    }
}

/// A name without letter case and underscores, the form in which names are compared.
pub fn canonical(name: &str) -> String {
    folded(name).collect()
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase)
}

/// A property that the value does not have.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} has no property '{}'{}", article("a", type_name), super::text::shortened(name), match .nearest { Some(nearest) => format!("; did you mean '{nearest}'?"), None => String::new() })]
pub struct UnknownProperty {
    /// The name that was asked for.
    pub name: String,
    /// The type of the value that was asked.
    pub type_name: String,
    /// The property whose name is nearest, if one is near.
    pub nearest: Option<String>,
}

/// The name of a type behind its article: `a` or `A`, which may have to become `an`: an AdminRole, an
/// XmppAllowedPartner.
pub fn article(a: &str, type_name: &str) -> String {
    let n = if type_name.starts_with(['A', 'E', 'I', 'O', 'X']) { "n" } else { "" };
    format!("{a}{n} {type_name}")
}

impl UnknownProperty {
    /// The error for `name`, with the nearest of the names there are.
    pub fn new<'a>(name: &str, type_name: &str, have: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            nearest: super::text::nearest(name, have).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_case_or_underscores() {
        let record = Record::new("TestResult").with("TargetFqdn", "pool");
        for name in ["TargetFqdn", "targetfqdn", "target_fqdn", "TARGET_FQDN"] {
            assert_eq!(record.get(name).unwrap().as_text(), Some("pool"), "{name}");
        }
    }

    #[test]
    fn a_record_of_many_properties_is_what_setting_them_one_by_one_makes() {
        let names = ["b", "a_b", "a", "AB", "B", "ÄB", "äb", "c"];
        let properties = || names.iter().zip(0_i64..).map(|(name, value)| (*name, Value::Integer(value)));
        let mut set = Record::new("Row");
        for (name, value) in properties() {
            set.set(name, value);
        }
        let made = Record::of("Row", properties());
        assert_eq!(Value::from(made).to_string(), Value::from(set).to_string());
    }

    #[test]
    fn a_span_of_time_is_a_number_of_seconds_too() {
        let span = Value::Duration(std::time::Duration::from_millis(1500));
        let record = Record::new("TestResult").with("Latency", span).with("Elapsed", "none");
        for name in ["LatencySeconds", "latency_seconds"] {
            assert!(matches!(record.value(name), Ok(Value::Float(1.5))), "{name}");
        }
        assert!(record.value("ElapsedSeconds").is_err() && record.value("Seconds").is_err());
    }

    #[test]
    fn an_unknown_property_names_the_nearest() {
        let record = Record::new("TestResult").with("TargetFqdn", "pool").with("Result", "Success");
        assert_eq!(
            record.get("Resutl").unwrap_err().to_string(),
            "a TestResult has no property 'Resutl'; did you mean 'Result'?"
        );
        let long = "x".repeat(1 << 20);
        assert!(record.get(&long).unwrap_err().to_string().len() < 1000);
    }
}
