//! `Measure-Object`: how many, how much, the least and the greatest.

use std::cmp::Ordering;
use std::time::Duration;

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::order::order;
use crate::value::pattern::Case;
use crate::value::{Record, Value};

/// `Measure-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Measure-Object",
        original: None,
        aliases: &["measure"],
        family: Family::Objects,
        synopsis: "Counts records, and works out sums, averages and extremes of a property.",
        description: "Count is always there; the rest is empty unless its switch is given. Numbers, numbers \
                      written as text, and durations can be added up; -Minimum and -Maximum take anything that \
                      has an order.",
        parameters: &[
            Parameter::new(
                "Property",
                Kind::Property,
                "The property to measure; without it, the values themselves.",
            )
            .many()
            .at(0),
            Parameter::new("Sum", Kind::Switch, "Adds up."),
            Parameter::new("Average", Kind::Switch, "The mean."),
            Parameter::new("Minimum", Kind::Switch, "The least."),
            Parameter::new("Maximum", Kind::Switch, "The greatest."),
            Parameter::new(
                "StandardDeviation",
                Kind::Switch,
                "How far the values lie from their mean (of a sample).",
            ),
            Parameter::new("Line", Kind::Switch, "Counts the lines of text, without empty ones."),
            Parameter::new("Word", Kind::Switch, "Counts the words of text."),
            Parameter::new("Character", Kind::Switch, "Counts the characters of text."),
            Parameter::new("AllStats", Kind::Switch, "All of these."),
            INPUT_OBJECT,
        ],
        emits: "MeasureInfo",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Count and sum",
            code: "Write-Output 1 2 3 | Measure-Object -Sum | Select-Object Count, Sum",
            output: "Count Sum\n----- ---\n    3   6",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    if ["Line", "Word", "Character"].iter().any(|figure| call.bound.switch(figure)) {
        return measure_text(call).await;
    }
    let mut properties = Properties::given(&call.bound, "Property")?;
    let names: Vec<String> = properties.iter().map(|property| property.label.clone()).collect();
    let mut measures: Vec<Measure> = names.iter().map(|_| Measure::default()).collect();
    if names.is_empty() {
        measures.push(Measure::default());
    }
    let asked = WantedFigures::of(&call);
    while let Some(item) = call.input.next().await {
        if let Some(unknown) = properties.unknown(&item) {
            return Err(ErrorRecord::no_such_property(&unknown).into());
        }
        let values = if names.is_empty() { vec![item] } else { properties.values(&call, &item)? };
        for (measure, value) in measures.iter_mut().zip(values) {
            if matches!(value, Value::Null) {
                continue;
            }
            if !measure.take(&value) && asked.needs_numbers() {
                call.error(
                    ErrorRecord::new(
                        Category::InvalidData,
                        "NonNumericInputObject",
                        format!("'{value}' is neither a number nor a duration."),
                    )
                    .remedy("Measure a property that holds numbers, or leave -Sum and -Average out."),
                )?;
            }
        }
    }
    let names = names.iter().map(Value::text).chain(std::iter::repeat(Value::Null));
    for (measure, name) in measures.into_iter().zip(names) {
        call.emit(measure.record(&asked, name)).await?;
    }
    Ok(())
}

/// Counts the lines, words and characters of the text that comes through the pipe.
async fn measure_text(mut call: Call) -> Outcome {
    let (mut lines, mut words, mut characters) = (0_i64, 0_i64, 0_i64);
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    while let Some(item) = call.input.next().await {
        let text = item.to_string();
        lines += count(text.lines().filter(|line| !line.is_empty()).count());
        words += count(text.split_whitespace().count());
        characters += count(text.chars().count());
    }
    let figure =
        |asked, value: i64| if call.bound.switch(asked) { Value::Integer(value) } else { Value::Null };
    let record = Record::new("TextMeasureInfo")
        .with("Lines", figure("Line", lines))
        .with("Words", figure("Word", words))
        .with("Characters", figure("Character", characters));
    call.emit(record).await
}

/// The figures that were asked for.
struct WantedFigures {
    sum: bool,
    average: bool,
    minimum: bool,
    maximum: bool,
    deviation: bool,
}

impl WantedFigures {
    fn of(call: &Call) -> Self {
        let all = call.bound.switch("AllStats");
        let asked = |parameter| all || call.bound.switch(parameter);
        Self {
            sum: asked("Sum"),
            average: asked("Average"),
            minimum: asked("Minimum"),
            maximum: asked("Maximum"),
            deviation: asked("StandardDeviation"),
        }
    }

    fn needs_numbers(&self) -> bool {
        self.sum || self.average || self.deviation
    }
}

/// The figures of one property.
#[derive(Default)]
struct Measure {
    count: i64,
    n_numbers: u64,
    /// Exact as long as everything is a whole number and fits.
    whole: Option<i64>,
    sum: f64,
    mean: f64,
    /// The sum of squared distances from the mean (Welford).
    squares: f64,
    durations: u64,
    minimum: Option<Value>,
    maximum: Option<Value>,
}

impl Measure {
    /// Counts a value; false if it is no number.
    fn take(&mut self, value: &Value) -> bool {
        self.count += 1;
        let is_beyond = |extreme: &Option<Value>, beyond| {
            extreme.as_ref().is_none_or(|extreme| order(value, extreme, Case::Ignored) == beyond)
        };
        if is_beyond(&self.minimum, Ordering::Less) {
            self.minimum = Some(value.clone());
        }
        if is_beyond(&self.maximum, Ordering::Greater) {
            self.maximum = Some(value.clone());
        }
        let Some(number) = number(value) else { return false };
        self.n_numbers += 1;
        self.durations += u64::from(matches!(value, Value::Duration(_)));
        self.whole = match (value, self.whole, self.n_numbers) {
            (Value::Integer(number), None, 1) => Some(*number),
            (Value::Integer(number), Some(sum), _) => sum.checked_add(*number),
            _ => None,
        };
        self.sum += number;
        let distance = number - self.mean;
        self.mean += distance / self.n_numbers as f64;
        self.squares += distance * (number - self.mean);
        true
    }

    fn record(self, asked: &WantedFigures, name: Value) -> Record {
        let has_numbers = self.n_numbers > 0;
        let figure = |is_asked: bool, number: f64| {
            if !is_asked || !has_numbers {
                Value::Null
            } else if self.durations == self.n_numbers {
                Duration::try_from_secs_f64(number).map_or(Value::Null, Value::Duration)
            } else {
                Value::Float(number)
            }
        };
        let sum = match self.whole {
            Some(whole) if asked.sum => Value::Integer(whole),
            Some(_) | None => figure(asked.sum, self.sum),
        };
        let deviation =
            if self.n_numbers > 1 { (self.squares / (self.n_numbers - 1) as f64).sqrt() } else { 0.0 };
        let (average, deviation) = (figure(asked.average, self.mean), figure(asked.deviation, deviation));
        let extreme = |is_asked: bool, value: Option<Value>| value.filter(|_| is_asked).unwrap_or_default();
        Record::new("MeasureInfo")
            .with("Count", self.count)
            .with("Average", average)
            .with("Sum", sum)
            .with("Maximum", extreme(asked.maximum, self.maximum))
            .with("Minimum", extreme(asked.minimum, self.minimum))
            .with("StandardDeviation", deviation)
            .with("Property", name)
    }
}

/// The value as a number; of a duration, its seconds.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Duration(duration) => Some(duration.as_secs_f64()),
        Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Null
        | Value::Boolean(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::List(_)
        | Value::Record(_)
        | Value::Block(_) => None,
    }
}
