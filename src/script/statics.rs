//! Members of types: `[math]::Round(1.5)`, `[string]::Join(",", $list)`, `[datetime]::Now`.
//!
//! The table is what the parser holds names against; what a member does stands beside it. Numbers, texts
//! and times alone: nothing here reaches out of the program.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::failure::TerminationCheck;
use super::operators::while_running;
use crate::value::arithmetic::{Number, number};
use crate::value::cast::{self, Type};
use crate::value::compare::{ComparisonOperator, compare};
use crate::value::pattern::Case;
use crate::value::text::interpolated;
use crate::value::{Record, Value, format, time};

/// Types with the names of their members.
const STATICS: &[(&str, &[&str])] = &[
    (
        "math",
        &[
            "Abs", "Ceiling", "Floor", "Max", "Min", "PI", "E", "Pow", "Round", "Sign", "Sqrt", "Truncate",
            "Log", "Log10", "Exp",
        ],
    ),
    (
        "string",
        &[
            "Compare",
            "Concat",
            "Empty",
            "Equals",
            "Format",
            "IsNullOrEmpty",
            "IsNullOrWhiteSpace",
            "Join",
            "new",
        ],
    ),
    (
        "datetime",
        &[
            "DaysInMonth",
            "IsLeapYear",
            "MaxValue",
            "MinValue",
            "new",
            "Now",
            "Parse",
            "ParseExact",
            "Today",
            "UtcNow",
        ],
    ),
    (
        "timespan",
        &["FromDays", "FromHours", "FromMilliseconds", "FromMinutes", "FromSeconds", "new", "Parse", "Zero"],
    ),
    ("int", &["MaxValue", "MinValue", "Parse"]),
    ("long", &["MaxValue", "MinValue", "Parse"]),
    ("double", &["MaxValue", "MinValue", "Parse"]),
    ("bool", &["Parse"]),
    ("char", &["IsDigit", "IsLetter", "IsUpper", "IsLower", "IsWhiteSpace"]),
    ("convert", &["ToBoolean", "ToDateTime", "ToDouble", "ToInt32", "ToInt64", "ToString"]),
    ("regex", &["Escape", "IsMatch", "Match", "Matches", "Replace", "Split"]),
    ("array", &["IndexOf", "Reverse", "Sort"]),
    ("environment", &["NewLine"]),
    ("guid", &["NewGuid", "Empty"]),
    ("collections.arraylist", &["new"]),
    ("exception", &["new"]),
];

/// Names of .NET's for the same types.
const SAME: &[(&str, &str)] = &[
    ("int32", "int"),
    ("int64", "long"),
    ("boolean", "bool"),
    ("decimal", "double"),
    ("float", "double"),
    ("single", "double"),
    ("text.regularexpressions.regex", "regex"),
];

/// The error of a call of a static member: something is missing for the member, or its arguments are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StaticError(pub String);

fn members(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("system.").unwrap_or(&name);
    // `List[string]` is a list, and what is thrown is its message.
    let name = match name {
        name if name.starts_with("collections.generic.list[") => "collections.arraylist",
        name if name.ends_with("exception") => "exception",
        name => name,
    };
    let name = SAME.iter().find(|(other, _)| *other == name).map_or(name, |(_, own)| own);
    STATICS.iter().find(|(own, _)| *own == name).copied()
}

/// Whether a type has members here.
pub fn is_static_type(name: &str) -> bool {
    members(name).is_some()
}

/// Whether a type has this member, in any letter case.
pub fn has_static(type_name: &str, member: &str) -> bool {
    statics_of(type_name).iter().any(|own| own.eq_ignore_ascii_case(member))
}

/// The members of a type.
pub fn statics_of(type_name: &str) -> &'static [&'static str] {
    members(type_name).map_or(&[], |(_, names)| names)
}

/// Calls a static member and returns its value.
///
/// # Errors
/// The arguments are not those that it takes.
pub fn call(
    type_name: &str,
    member: &str,
    arguments: &[Value],
    ending: &TerminationCheck,
) -> Result<Value, StaticError> {
    let (own, _) = members(type_name).ok_or_else(|| wrong(type_name, member))?;
    let name = member.to_ascii_lowercase();
    let text = |place: usize| arguments.get(place).map(interpolated);
    let given = match own {
        "math" => math(&name, arguments),
        "string" => of_text(&name, arguments)?,
        "datetime" => of_time(&name, arguments),
        "timespan" => span(&name, arguments),
        "int" | "long" | "double" | "bool" => match name.as_str() {
            "maxvalue" if own == "double" => Some(Value::Float(f64::MAX)),
            "minvalue" if own == "double" => Some(Value::Float(f64::MIN)),
            "maxvalue" if own == "int" => Some(Value::Integer(i32::MAX.into())),
            "minvalue" if own == "int" => Some(Value::Integer(i32::MIN.into())),
            "maxvalue" => Some(Value::Integer(i64::MAX)),
            "minvalue" => Some(Value::Integer(i64::MIN)),
            _ => parsed(arguments, own)?,
        },
        "char" => letter(&name, text(0)),
        "convert" => converted(&name, arguments)?,
        "regex" => expression(&name, arguments, ending)?,
        "array" => list(&name, arguments),
        "collections.arraylist" => {
            Some(Value::List(arguments.iter().cloned().flat_map(Value::into_elements).collect()))
        }
        "exception" => Some(Value::Text(text(0).unwrap_or_default())),
        "environment" => Some(Value::text("\n")),
        "guid" => match name.as_str() {
            "empty" => Some(Value::text("00000000-0000-0000-0000-000000000000")),
            _ => guid(),
        },
        _ => None,
    };
    given.ok_or_else(|| wrong(type_name, member))
}

fn wrong(type_name: &str, member: &str) -> StaticError {
    StaticError(format!("[{type_name}]::{member} does not take these values"))
}

fn real(value: Option<&Value>) -> Option<f64> {
    match number(value?)? {
        Number::Whole(whole) => Some(whole as f64),
        Number::Real(real) => Some(real),
    }
}

fn math(name: &str, arguments: &[Value]) -> Option<Value> {
    let first = || real(arguments.first());
    let second = || real(arguments.get(1));
    let whole = |value: f64| {
        Some(if value.abs() < 9e15 { Value::Integer(value as i64) } else { Value::Float(value) })
    };
    let pick = |left_wins: fn(f64, f64) -> bool| {
        let (left, right) = (first()?, second()?);
        arguments.get(usize::from(!left_wins(left, right))).cloned().and_then(|value| match number(&value)? {
            Number::Whole(whole) => Some(Value::Integer(whole)),
            Number::Real(real) => Some(Value::Float(real)),
        })
    };
    match name {
        "pi" => Some(Value::Float(std::f64::consts::PI)),
        "e" => Some(Value::Float(std::f64::consts::E)),
        "abs" => match number(arguments.first()?)? {
            Number::Whole(whole) => whole.checked_abs().map(Value::Integer),
            Number::Real(real) => Some(Value::Float(real.abs())),
        },
        "ceiling" => whole(first()?.ceil()),
        "floor" => whole(first()?.floor()),
        "truncate" => whole(first()?.trunc()),
        "sign" => Some(Value::Integer(first()?.partial_cmp(&0.0)? as i64)),
        "max" => pick(|left, right| left >= right),
        "min" => pick(|left, right| left <= right),
        "pow" => {
            let power = first()?.powf(second()?);
            if power.fract() == 0.0 { whole(power) } else { Some(Value::Float(power)) }
        }
        "sqrt" => Some(Value::Float(first()?.sqrt())),
        "exp" => Some(Value::Float(first()?.exp())),
        "log10" => Some(Value::Float(first()?.log10())),
        "log" => match arguments.get(1) {
            Some(_) => Some(Value::Float(first()?.log(second()?))),
            None => Some(Value::Float(first()?.ln())),
        },
        "round" => {
            let digits = match arguments.get(1) {
                Some(digits) => match number(digits)? {
                    Number::Whole(digits @ 0..=15) => digits as i32,
                    Number::Whole(_) | Number::Real(_) => return None,
                },
                None => 0,
            };
            let scale = 10_f64.powi(digits);
            let rounded = (first()? * scale).round_ties_even() / scale;
            if digits == 0 { whole(rounded) } else { Some(Value::Float(rounded)) }
        }
        _ => None,
    }
}

fn of_text(name: &str, arguments: &[Value]) -> Result<Option<Value>, StaticError> {
    let text = |place: usize| arguments.get(place).map(interpolated);
    let items = |from: usize| -> Vec<Value> {
        arguments.iter().skip(from).cloned().flat_map(Value::into_elements).collect()
    };
    let joined = |values: Vec<Value>, by: &str| {
        super::operators::joined(values, by).map(Value::Text).map_err(StaticError)
    };
    Ok(match name {
        "empty" => Some(Value::text("")),
        "isnullorempty" => Some(Value::Boolean(text(0).is_none_or(|text| text.is_empty()))),
        "isnullorwhitespace" => Some(Value::Boolean(text(0).is_none_or(|text| text.trim().is_empty()))),
        "join" => text(0).map(|by| joined(items(1), &by)).transpose()?,
        "concat" => Some(joined(items(0), "")?),
        "format" => match text(0) {
            Some(form) => Some(Value::Text(
                format::format(&form, &items(1)).map_err(|error| StaticError(error.to_string()))?,
            )),
            None => None,
        },
        "new" => match (text(0), arguments.get(1).and_then(number)) {
            (Some(letter), Some(Number::Whole(times))) => {
                let times = usize::try_from(times).unwrap_or(0);
                Some(joined(vec![Value::Text(letter); times.min(MOST_REPEATED)], "")?)
            }
            _ => None,
        },
        "equals" => text(0).zip(text(1)).map(|(left, right)| Value::Boolean(left == right)),
        "compare" => text(0).zip(text(1)).map(|(left, right)| {
            let is_ignored = arguments.get(2).is_some_and(Value::is_truthy);
            let (left, right) =
                if is_ignored { (left.to_lowercase(), right.to_lowercase()) } else { (left, right) };
            Value::Integer(left.cmp(&right) as i64)
        }),
        _ => None,
    })
}

/// The longest line that is drawn of one letter.
const MOST_REPEATED: usize = 100_000;

fn of_time(name: &str, arguments: &[Value]) -> Option<Value> {
    let whole = |place: usize| match number(arguments.get(place)?)? {
        Number::Whole(whole) => Some(whole),
        Number::Real(_) => None,
    };
    match name {
        "now" | "utcnow" => Some(Value::Timestamp(Timestamp::now())),
        "today" => time::time_part(Timestamp::now(), "date"),
        "new" => {
            let date =
                Date::new(whole(0)?.try_into().ok()?, whole(1)?.try_into().ok()?, whole(2)?.try_into().ok()?);
            let part = |place: usize| match arguments.get(place) {
                Some(_) => whole(place)?.try_into().ok(),
                None => Some(0),
            };
            let at = date.ok()?.at(part(3)?, part(4)?, part(5)?, 0);
            at.to_zoned_datetime(TimeZone::system()).ok().map(|zoned| Value::Timestamp(zoned.timestamp()))
        }
        "minvalue" => "0001-01-01T00:00:00Z".parse().ok().map(Value::Timestamp),
        "maxvalue" => "9999-12-30T00:00:00Z".parse().ok().map(Value::Timestamp),
        "parse" => time::read(&interpolated(arguments.first()?)).map(Value::Timestamp),
        "parseexact" => {
            let form = interpolated(arguments.get(1)?);
            exact(&interpolated(arguments.first()?), &form).map(Value::Timestamp)
        }
        "daysinmonth" => {
            let date = Date::new(whole(0)?.try_into().ok()?, whole(1)?.try_into().ok()?, 1).ok()?;
            Some(Value::Integer(date.days_in_month().into()))
        }
        "isleapyear" => {
            let date = Date::new(whole(0)?.try_into().ok()?, 1, 1).ok()?;
            Some(Value::Boolean(date.in_leap_year()))
        }
        _ => None,
    }
}

/// A time that is written in .NET's letters, those of numbers alone.
fn exact(text: &str, form: &str) -> Option<Timestamp> {
    let mut parts = [(b'y', 1_i64), (b'M', 1), (b'd', 1), (b'H', 0), (b'm', 0), (b's', 0)];
    let (mut text, mut form) = (text.as_bytes(), form.as_bytes());
    while let Some(letter) = form.first().copied() {
        let run = form.iter().take_while(|next| **next == letter).count();
        match parts.iter_mut().find(|(own, _)| *own == letter) {
            Some((_, part)) => {
                let least = run.min(text.len());
                let digits = text.iter().take(run.max(2)).take_while(|digit| digit.is_ascii_digit()).count();
                let digits = if run >= 2 { least } else { digits };
                *part = std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()?;
                text = &text[digits..];
                form = &form[run..];
            }
            None => {
                (text.first() == Some(&letter)).then_some(())?;
                (text, form) = (&text[1..], &form[1..]);
            }
        }
    }
    let [year, month, day, hour, minute, second] = parts.map(|(_, part)| part);
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let moment =
        jiff::civil::Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, 0);
    let local = date.to_datetime(moment.ok()?).to_zoned_datetime(TimeZone::system()).ok()?;
    text.is_empty().then(|| local.timestamp())
}

fn span(name: &str, arguments: &[Value]) -> Option<Value> {
    let seconds = match name {
        "zero" => 0.0,
        "fromdays" => real(arguments.first())? * 86_400.0,
        "fromhours" => real(arguments.first())? * 3_600.0,
        "fromminutes" => real(arguments.first())? * 60.0,
        "fromseconds" => real(arguments.first())?,
        "new" => {
            let mut given = arguments.iter().map(|argument| real(Some(argument)));
            let mut next = || given.next().unwrap_or(Some(0.0));
            let days = if arguments.len() > 3 { next()? } else { 0.0 };
            days * 86_400.0 + next()? * 3_600.0 + next()? * 60.0 + next()?
        }
        "frommilliseconds" => real(arguments.first())? / 1e3,
        "parse" => return cast::cast(arguments.first()?.clone(), Type::Span, "timespan").ok(),
        _ => return None,
    };
    std::time::Duration::try_from_secs_f64(seconds).ok().map(Value::Duration)
}

fn parsed(arguments: &[Value], name: &str) -> Result<Option<Value>, StaticError> {
    let (Some(value), Some(wanted)) = (arguments.first(), Type::named(name)) else { return Ok(None) };
    if wanted == Type::Truth {
        let text = interpolated(value).to_lowercase();
        return Ok(match text.trim() {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            _ => None,
        });
    }
    cast::cast(value.clone(), wanted, name).map(Some).map_err(|error| StaticError(error.to_string()))
}

fn converted(name: &str, arguments: &[Value]) -> Result<Option<Value>, StaticError> {
    let Some(value) = arguments.first() else { return Ok(None) };
    if let ("toint32" | "toint64", Some(base)) = (name, arguments.get(1)) {
        let base = match number(base) {
            Some(Number::Whole(base @ (2 | 8 | 10 | 16))) => base as u32,
            _ => return Ok(None),
        };
        let text = interpolated(value);
        let digits = text.trim().trim_start_matches("0x");
        return Ok(i64::from_str_radix(digits, base).ok().map(Value::Integer));
    }
    if let ("tostring", Some(base), Some(Number::Whole(whole))) = (name, arguments.get(1), number(value)) {
        return Ok(match number(base) {
            Some(Number::Whole(2)) => Some(Value::Text(format!("{whole:b}"))),
            Some(Number::Whole(8)) => Some(Value::Text(format!("{whole:o}"))),
            Some(Number::Whole(10)) => Some(Value::Text(whole.to_string())),
            Some(Number::Whole(16)) => Some(Value::Text(format!("{whole:x}"))),
            _ => None,
        });
    }
    let (wanted, own) = match name {
        "toint32" | "toint64" => (Type::Whole, "int"),
        "todouble" => (Type::Real, "double"),
        "toboolean" => (Type::Truth, "bool"),
        "todatetime" => (Type::Time, "datetime"),
        "tostring" => (Type::Text, "string"),
        _ => return Ok(None),
    };
    cast::cast(value.clone(), wanted, own).map(Some).map_err(|error| StaticError(error.to_string()))
}

fn letter(name: &str, text: Option<String>) -> Option<Value> {
    let text = text?;
    let mut letters = text.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
    Some(Value::Boolean(match name {
        "isdigit" => letter.is_numeric(),
        "isletter" => letter.is_alphabetic(),
        "isupper" => letter.is_uppercase(),
        "islower" => letter.is_lowercase(),
        "iswhitespace" => letter.is_whitespace(),
        _ => return None,
    }))
}

fn expression(
    name: &str,
    arguments: &[Value],
    ending: &TerminationCheck,
) -> Result<Option<Value>, StaticError> {
    let text = |place: usize| arguments.get(place).map(interpolated);
    let (Some(subject), pattern) = (text(0), text(1)) else { return Ok(None) };
    if name == "escape" {
        return Ok(Some(Value::Text(regex::escape(&subject))));
    }
    let Some(pattern) = pattern else { return Ok(None) };
    let told = |error: &dyn std::fmt::Display| StaticError(error.to_string());
    if name == "ismatch" {
        let verdict =
            compare(&Value::Text(subject), ComparisonOperator::Match, &Value::Text(pattern), Case::Sensitive);
        return verdict.map(Some).map_err(|error| told(&error));
    }
    let regex = crate::value::compare::expression(&pattern, Case::Sensitive).map_err(|error| told(&error))?;
    Ok(match name {
        "match" => Some(found(regex.captures(&subject).as_ref()).into()),
        "matches" => {
            let matches = while_running(regex.captures_iter(&subject), ending)
                .map(|captures| captures.map(|captures| found(Some(&captures)).into()));
            Some(Value::List(matches.collect::<Result<_, _>>().map_err(StaticError)?))
        }
        "split" => {
            let parts = while_running(regex.split(&subject), ending).map(|part| part.map(Value::text));
            Some(Value::List(parts.collect::<Result<_, _>>().map_err(StaticError)?))
        }
        "replace" => {
            let made = text(2).map(|new| super::operators::replaced_within(&regex, &subject, &new, ending));
            made.transpose().map_err(StaticError)?.map(Value::Text)
        }
        _ => None,
    })
}

/// Returns the record of a match of a regular expression.
fn found(captures: Option<&regex::Captures<'_>>) -> Record {
    let group = |group: Option<regex::Match<'_>>| {
        let (text, place) = group.map_or(("", 0), |group| (group.as_str(), group.start()));
        Record::new("Match")
            .with("Success", group.is_some())
            .with("Value", text)
            .with("Index", i64::try_from(place).unwrap_or(0))
    };
    let groups: Vec<Value> =
        captures.into_iter().flat_map(regex::Captures::iter).map(|one| group(one).into()).collect();
    group(captures.and_then(|captures| captures.get(0))).with("Groups", Value::List(groups))
}

fn list(name: &str, arguments: &[Value]) -> Option<Value> {
    let mut items = arguments.first()?.clone().into_elements();
    match name {
        "indexof" => {
            let wanted = arguments.get(1)?.to_string();
            let place = items.iter().position(|item| item.to_string() == wanted);
            Some(Value::Integer(place.and_then(|place| i64::try_from(place).ok()).unwrap_or(-1)))
        }
        "reverse" => {
            items.reverse();
            Some(Value::List(items))
        }
        "sort" => {
            items.sort_by(|left, right| crate::value::order::order(left, right, Case::Ignored));
            Some(Value::List(items))
        }
        _ => None,
    }
}

/// A new identifier of random bits.
fn guid() -> Option<Value> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).ok()?;
    bits[6] = bits[6] & 0x0f | 0x40;
    bits[8] = bits[8] & 0x3f | 0x80;
    let hex: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Value::Text(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(type_name: &str, member: &str, arguments: &[Value]) -> String {
        call(type_name, member, arguments, &TerminationCheck::never())
            .map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn members_give_what_net_gives() {
        for (type_name, member, arguments, given) in [
            ("math", "round", vec![Value::Float(2.5)], "2"),
            ("math", "Round", vec![Value::Float(2.34567), 2.into()], "2.35"),
            ("System.Math", "Max", vec![3.into(), 7.into()], "7"),
            ("math", "Floor", vec![Value::Float(-1.5)], "-2"),
            ("math", "pow", vec![2.into(), 10.into()], "1024"),
            ("string", "IsNullOrEmpty", vec![Value::Null], "True"),
            ("string", "IsNullOrEmpty", vec!["x".into()], "False"),
            ("string", "Join", vec![",".into(), Value::texts(["a", "b"])], "a,b"),
            ("string", "Format", vec!["{0}-{1}".into(), 1.into(), 2.into()], "1-2"),
            ("datetime", "DaysInMonth", vec![2028.into(), 2.into()], "29"),
            ("timespan", "FromMinutes", vec![Value::Float(1.5)], "00:01:30"),
            ("int", "MaxValue", vec![], "2147483647"),
            ("convert", "ToInt32", vec!["ff".into(), 16.into()], "255"),
            ("convert", "ToString", vec![5.into(), 2.into()], "101"),
            ("regex", "Escape", vec!["a.b".into()], "a\\.b"),
            ("regex", "Replace", vec!["a1b2".into(), "\\d".into(), "#".into()], "a#b#"),
            ("math", "Sqrt", vec!["x".into()], "[math]::Sqrt does not take these values"),
        ] {
            assert_eq!(made(type_name, member, &arguments), given, "{type_name}::{member}");
        }
    }

    #[test]
    fn every_member_of_the_table_is_one() {
        for (name, members) in STATICS {
            for member in *members {
                let tried = [
                    vec![],
                    vec![Value::from(5)],
                    vec![Value::from("1")],
                    vec!["true".into()],
                    vec![2028.into(), 2.into()],
                    vec!["a".into(), "a".into(), "a".into()],
                    vec!["2028-02-01".into(), "yyyy-MM-dd".into()],
                    vec!["1s".into()],
                    vec![2028.into(), 2.into(), 1.into()],
                    vec!["-".into(), 5.into()],
                ];
                assert!(
                    tried.iter().any(|given| call(name, member, given, &TerminationCheck::never()).is_ok()),
                    "{name}::{member}"
                );
            }
        }
    }
}
