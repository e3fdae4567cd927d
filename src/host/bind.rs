//! Binding: arguments as written become values of parameters, checked against their kinds.
//!
//! Runs behind the gate's first question and before its second. Never asks the operator, never
//! reads the topology: whether a pool or a user exists is not the binder's to know.

use std::time::Duration;

use crate::address::Address;
use crate::call::BoundArguments;
use crate::cmdlet::parameter::NoParameter;
use crate::cmdlet::{Argument, Arguments, Arity, Category, Description, ErrorRecord, Kind, Need, Parameter};
use crate::value::text::{nearest, parse_duration};
use crate::value::{Record, Value, article};

/// Binds the arguments of one call; `is_piped` tells whether records come through a pipe.
pub fn bind(
    description: &'static Description,
    arguments: Arguments,
    is_piped: bool,
) -> Result<BoundArguments, ErrorRecord> {
    let mut bound = BoundArguments::default();
    let mut positional = Vec::new();
    for argument in arguments.0 {
        match &argument.name {
            Some(name) => {
                let parameter = find(description, name, &argument)?;
                if bound.is_given(parameter.name) {
                    return Err(mistake(
                        &argument,
                        "ParameterAlreadyBound",
                        format!("-{} is given twice.", parameter.name),
                    )
                    .remedy("Give it once; several values go into one list: a,b."));
                }
                bind_named(&mut bound, parameter, argument)?;
            }
            None => positional.push(argument),
        }
    }
    bind_positional(description, &mut bound, positional)?;
    for parameter in description.parameters {
        let is_missing = match parameter.need {
            Need::Required => !bound.is_given(parameter.name),
            // Of a pipe, each record has filled it before it comes to binding.
            Need::RequiredOrPipeline => !is_piped && !bound.is_given(parameter.name),
            Need::RequiredOrEach | Need::RequiredOrAll => !bound.is_given(parameter.name),
            Need::Optional(_) | Need::Pipeline | Need::OptionalOrAll(_) => false,
        };
        if is_missing {
            return Err(ErrorRecord::new(
                Category::InvalidArgument,
                "MissingMandatoryParameter",
                format!("{} needs -{}.", description.name, parameter.name),
            )
            .remedy(format!("Give -{}: {}", parameter.name, parameter.help)));
        }
    }
    Ok(bound)
}

/// The parameter that a written name means.
fn find(
    description: &'static Description,
    written: &str,
    argument: &Argument,
) -> Result<&'static Parameter, ErrorRecord> {
    description.parameter(written).map_err(|no| match no {
        NoParameter::Unknown { nearest } => {
            let hint = match nearest {
                Some(nearest) => format!("Did you mean -{nearest}?"),
                None => format!("Run Get-Help {} to see its parameters.", description.name),
            };
            mistake(
                argument,
                "NamedParameterNotFound",
                format!("{} has no parameter -{written}.", description.name),
            )
            .remedy(hint)
        }
        NoParameter::Foreign { instead } => {
            mistake(argument, "NamedParameterNotFound", format!("There is no -{written}: {instead}."))
        }
        NoParameter::Ambiguous { fits } => {
            mistake(argument, "AmbiguousParameter", format!("-{written} can mean -{}.", fits.join(" or -")))
                .remedy("Write more of the name.")
        }
    })
}

fn bind_named(
    bound: &mut BoundArguments,
    parameter: &'static Parameter,
    argument: Argument,
) -> Result<(), ErrorRecord> {
    let value = match (&argument.value, parameter.kind) {
        (_, Kind::Foreign) => {
            let message = format!("-{} has no meaning here: {}.", parameter.name, parameter.help);
            return Err(
                mistake(&argument, "ParameterWithoutMeaning", message).remedy("Leave the parameter out.")
            );
        }
        (None, Kind::Switch) => Value::Boolean(true),
        (None, _) => {
            return Err(mistake(&argument, "MissingArgument", format!("-{} needs a value.", parameter.name))
                .remedy(parameter.help));
        }
        // A null counts as not given: scripts pass on variables that are empty.
        (Some(Value::Null), _) if !parameter.is_setting() => return Ok(()),
        (Some(value), _) if parameter.is_setting() && is_nothing(value) => Value::Null,
        (Some(value), _) => convert(parameter, value, &argument)?,
    };
    bound.set(parameter.name, value);
    Ok(())
}

/// Whether a value removes a setting.
fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_text().is_some_and(|text| text.trim().is_empty())
}

/// The parameter that the records of the pipe fill: each in a call of its own, or all of them in one. It is the first
/// one that takes records and is not given.
///
/// # Errors
/// Each of them is given: nothing is left for the pipe to fill.
pub fn filled_by_records(
    description: &'static Description,
    arguments: &Arguments,
) -> Result<Option<&'static Parameter>, ErrorRecord> {
    let takes = |parameter: &&Parameter| match parameter.need {
        Need::RequiredOrEach | Need::RequiredOrAll | Need::OptionalOrAll(_) => true,
        Need::Required | Need::Optional(_) | Need::Pipeline | Need::RequiredOrPipeline => false,
    };
    let naming = |parameter: &Parameter| {
        arguments.0.iter().find(|argument| {
            let written = argument.name.as_deref();
            written
                .is_some_and(|name| description.parameter(name).is_ok_and(|own| own.name == parameter.name))
        })
    };
    let mut given = None;
    for parameter in description.parameters.iter().filter(takes) {
        let named = naming(parameter);
        // Arguments without a name go to the positions that are free.
        let at_its_place = || {
            let is_before = |own: &&Parameter| {
                own.position.is_some() && own.position < parameter.position && naming(own).is_none()
            };
            let n_before = description.parameters.iter().filter(is_before).count();
            let mut unnamed = arguments.0.iter().filter(|argument| argument.name.is_none());
            parameter.position.and_then(|_| unnamed.nth(n_before))
        };
        match named.or_else(at_its_place) {
            None => return Ok(Some(parameter)),
            Some(argument) => given = given.or(Some((parameter, argument))),
        }
    }
    let Some((parameter, argument)) = given else { return Ok(None) };
    Err(mistake(
        argument,
        "InputObjectNotBound",
        format!("-{} is given, so nothing is left for the pipe to fill.", parameter.name),
    )
    .remedy(remedy_for_pipe(description, parameter, argument)))
}

fn remedy_for_pipe(description: &Description, filled: &Parameter, argument: &Argument) -> String {
    let next = description.parameters.iter().filter(|own| own.position > filled.position);
    match next.min_by_key(|own| own.position) {
        Some(next) if argument.name.is_none() => {
            format!("Leave the pipe out, or say that the value is another parameter's: -{} ….", next.name)
        }
        _ => format!("Leave -{} out, or the pipe.", filled.name),
    }
}

/// The error for a pipe into a cmdlet that takes none.
pub fn takes_no_pipe(description: &Description) -> ErrorRecord {
    let message = format!("{} takes nothing from a pipe.", description.name);
    ErrorRecord::new(Category::InvalidArgument, "InputObjectNotBound", message).remedy(format!(
        "Give what is meant as a parameter, in ForEach-Object if it is several: Get-Help {}.",
        description.name
    ))
}

/// Gives the arguments without a name to the positional parameters that are still free.
fn bind_positional(
    description: &'static Description,
    bound: &mut BoundArguments,
    arguments: Vec<Argument>,
) -> Result<(), ErrorRecord> {
    let mut free: Vec<&Parameter> = description
        .parameters
        .iter()
        .filter(|parameter| parameter.position.is_some() && !bound.is_given(parameter.name))
        .collect();
    free.sort_by_key(|parameter| parameter.position);
    let mut free = free.into_iter().peekable();
    for argument in arguments {
        let Some(parameter) = free.peek() else {
            let what = argument.value.as_ref().map(Value::to_string).unwrap_or_default();
            return Err(mistake(
                &argument,
                "PositionalParameterNotFound",
                format!("{} takes no further argument without a name: '{what}'.", description.name),
            )
            .remedy(format!(
                "Put the parameter's name in front of it; Get-Help {} shows them.",
                description.name
            )));
        };
        if let Some(value) = &argument.value {
            let value = convert(parameter, value, &argument)?;
            if parameter.arity == Arity::Rest {
                let mut all = bound.values(parameter.name);
                all.push(value);
                bound.set(parameter.name, Value::List(all));
                continue;
            }
            bound.set(parameter.name, value);
        }
        free.next();
    }
    Ok(())
}

/// Converts a value, or each of a list, to the parameter's kind.
fn convert(parameter: &'static Parameter, value: &Value, argument: &Argument) -> Result<Value, ErrorRecord> {
    let refuse = |problem: String| {
        mistake(
            argument,
            "ParameterArgumentTransformationError",
            format!("-{} cannot be {problem}.", parameter.name),
        )
        .remedy(parameter.help)
    };
    let each = |items: &[Value]| {
        // The results of commands stand side by side in `(Get-Pool a),(Get-Pool b)`.
        let elements = items.iter().flat_map(|item| {
            if let Value::List(inside) = item { inside } else { std::slice::from_ref(item) }
        });
        let converted: Result<Vec<_>, _> = elements.map(|item| convert_one(parameter.kind, item)).collect();
        converted.map(Value::List).map_err(refuse)
    };
    match (value, parameter.arity, parameter.kind) {
        (_, _, Kind::Any) => Ok(value.clone()),
        (_, _, Kind::Modification) => modification(value).map_err(refuse),
        (Value::List(items), Arity::Many | Arity::Rest, _) => each(items),
        // A list of one stands for its element, as everywhere.
        (Value::List(items), Arity::One, _) if items.len() == 1 => {
            convert_one(parameter.kind, &items[0]).map_err(refuse)
        }
        (Value::List(_), Arity::One, _) => Err(refuse("a list: it takes one value".to_owned())),
        (value, Arity::One | Arity::Many | Arity::Rest, _) => {
            convert_one(parameter.kind, value).map_err(refuse)
        }
    }
}

/// Converts one value; the error says what it cannot be.
fn convert_one(kind: Kind, value: &Value) -> Result<Value, String> {
    match kind {
        Kind::Any => Ok(value.clone()),
        Kind::Foreign => Err("given".to_owned()),
        Kind::Switch => only(value, matches!(value, Value::Boolean(_)), "write: $true, or $false"),
        // The text of an error is its message.
        Kind::Text if value.as_record().is_some_and(|record| record.type_name() == "ErrorRecord") => {
            plain_text(value, "Message").map(Value::Text)
        }
        // An assignment of a role names it.
        Kind::Role => plain_text(value, "Role").map(Value::Text),
        Kind::Text
        | Kind::File
        | Kind::Variable
        | Kind::Site
        | Kind::Principal
        | Kind::Cmdlet
        | Kind::HelpPage => plain_text(value, "Identity").map(Value::Text),
        Kind::Member => plain_text(value, "Member").map(Value::Text),
        Kind::Pool | Kind::Domain => {
            let text = plain_text(value, "Identity")?;
            if text.trim().is_empty() {
                Err("empty".to_owned())
            } else {
                Ok(Value::Text(text.trim().to_owned()))
            }
        }
        Kind::Choice(words) => {
            let text = plain_text(value, "Identity")?;
            match words.iter().find(|word| word.eq_ignore_ascii_case(&text)) {
                Some(word) => Ok(Value::text(*word)),
                None => Err(match nearest(&text, words.iter().copied()) {
                    Some(nearest) => format!("'{text}'; did you mean {nearest}?"),
                    None => format!("'{text}': it is one of {}", words.join(", ")),
                }),
            }
        }
        Kind::Integer(least, most) => {
            let number = if let Value::Integer(number) = value {
                Some(*number)
            } else {
                value.as_text().and_then(|text| text.trim().parse().ok())
            };
            match number {
                Some(number) if (least..=most).contains(&number) => Ok(Value::Integer(number)),
                Some(number) => Err(format!("{number}: it lies between {least} and {most}")),
                None => Err(format!("'{value}': it is a whole number")),
            }
        }
        Kind::Duration => duration(value).map(Value::Duration),
        Kind::Address => {
            let text = plain_text(value, "SipAddress")?;
            text.parse::<Address>()
                .map(|address| Value::Text(address.to_string()))
                .map_err(|fault| format!("'{text}': {fault}"))
        }
        Kind::Credential => {
            // A stored one comes within the record of Get-TestUserCredential.
            let within = value.as_record().and_then(|record| record.get("Credential").ok());
            let value = within.unwrap_or(value);
            let wanted = "it is an object from Get-Credential";
            match value.as_text() {
                // A text in place of a credential may be a password: the error does not repeat it.
                Some(_) => Err(format!("a text: {wanted}")),
                None => only(value, matches!(value, Value::Credential(_)), wanted),
            }
        }
        Kind::Block => only(value, matches!(value, Value::Block(_)), "it is a script block { … }"),
        Kind::Map => only(value, matches!(value, Value::Record(_)), "it is a map"),
        Kind::Property => {
            if matches!(value, Value::Record(_) | Value::Block(_)) {
                Ok(value.clone())
            } else {
                plain_text(value, "Name").map(Value::Text)
            }
        }
        Kind::Modification => modification(value),
    }
}

/// A list of texts, or what to do to one: a record with nothing in it but the lists `Add`, `Remove`
/// and `Replace`.
fn modification(value: &Value) -> Result<Value, String> {
    let texts = |value: &Value| -> Result<Value, String> {
        let items = value.clone().into_elements();
        let texts: Result<Vec<_>, _> = items.iter().map(|item| plain_text(item, "Identity")).collect();
        texts.map(Value::texts)
    };
    let Some(record) = value.as_record().filter(|record| record.get("Identity").is_err()) else {
        return texts(value);
    };
    let mut wanted = Record::new("Modification");
    for (name, value) in record.iter() {
        let known = ["Add", "Remove", "Replace"].into_iter().find(|known| known.eq_ignore_ascii_case(name));
        let Some(known) = known else {
            return Err(format!(
                "a map with '{name}' in it; write: @{{Add=…}}, or @{{Remove=…}}, or @{{Replace=…}}"
            ));
        };
        wanted = wanted.with(known, texts(value)?);
    }
    match (wanted.get("Replace").is_ok(), wanted.iter().count()) {
        (_, 0) => Err("an empty map; write: @{Add=…}, or @{Remove=…}, or @{Replace=…}".to_owned()),
        (true, 2..) => Err("a map with 'Replace' beside 'Add' or 'Remove': give one of them".to_owned()),
        (_, _) => Ok(Value::from(wanted)),
    }
}

/// The value as it is, if it is what the parameter takes; else what it should be.
fn only(value: &Value, is_it: bool, need: &str) -> Result<Value, String> {
    if is_it { Ok(value.clone()) } else { Err(format!("the {} '{value}': {need}", value.kind())) }
}

/// The text of a value; of a record, the property by which its kind is identified.
fn plain_text(value: &Value, identified_by: &str) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Duration(_)
        | Value::Timestamp(_) => Ok(value.to_string()),
        Value::Record(record) => identity(record, identified_by)
            .ok_or_else(|| format!("{}, which has no {identified_by}", article("a", record.type_name()))),
        Value::Null => Err("null".to_owned()),
        Value::Credential(_) => Err("a credential: secrets are never turned into text".to_owned()),
        Value::List(_) => Err("a list within a list".to_owned()),
        Value::Block(_) => Err("a script block".to_owned()),
    }
}

fn identity(record: &Record, identified_by: &str) -> Option<String> {
    let named = record.get(identified_by).or_else(|_| record.get("Identity")).ok()?;
    named.as_text().map(str::to_owned)
}

fn duration(value: &Value) -> Result<Duration, String> {
    if let Value::Duration(duration) = value {
        return Ok(*duration);
    }
    if let Value::Integer(seconds) = value {
        return u64::try_from(*seconds)
            .map(Duration::from_secs)
            .map_err(|_| format!("{seconds}: it is negative"));
    }
    if let Value::Float(seconds) = value {
        return Duration::try_from_secs_f64(*seconds)
            .map_err(|_| format!("{seconds}: it is no span of time"));
    }
    let text = plain_text(value, "Duration")?;
    parse_duration(&text).ok_or_else(|| {
        format!("'{text}', which is no span of time; write: 90, or 90s, or 1m30s, or 00:01:30")
    })
}

fn mistake(argument: &Argument, id: &'static str, message: String) -> ErrorRecord {
    ErrorRecord { position: argument.position, ..ErrorRecord::new(Category::InvalidArgument, id, message) }
}

#[cfg(test)]
mod tests;
