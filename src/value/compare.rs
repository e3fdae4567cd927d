//! PowerShell's comparison operators (about_Comparison_Operators): `-eq`, `-like`, `-match`, …
//!
//! The right side is brought to the kind of the left one: `5 -eq "5"` and `"5" -eq 5` are both
//! true. A list on the left is filtered: the result is the list of its elements that fit.
//! `-contains`, `-in` and their opposites give a truth in any case. Letter case does not count
//! unless asked. Patterns of `-match` take time in proportion to the text, whatever they are.

use std::cmp::Ordering;

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};

use super::Value;
use super::order::{key, order};
use super::pattern::{Case, Pattern, TooMuchWork};
use super::text::parse_duration;

/// A comparison operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ComparisonOperator {
    /// `-eq`
    #[default]
    Equal,
    /// `-ne`
    NotEqual,
    /// `-gt`
    Greater,
    /// `-ge`
    GreaterOrEqual,
    /// `-lt`
    Less,
    /// `-le`
    LessOrEqual,
    /// `-like`, with wildcards
    Like,
    /// `-notlike`
    NotLike,
    /// `-match`, with a regular expression that may fit anywhere
    Match,
    /// `-notmatch`
    NotMatch,
    /// `-contains`: the list on the left has the value on the right
    Contains,
    /// `-notcontains`
    NotContains,
    /// `-in`: the value on the left is in the list on the right
    In,
    /// `-notin`
    NotIn,
}

/// Every operator by its name without the dash.
pub const OPERATORS: [(&str, ComparisonOperator); 14] = [
    ("eq", ComparisonOperator::Equal),
    ("ne", ComparisonOperator::NotEqual),
    ("gt", ComparisonOperator::Greater),
    ("ge", ComparisonOperator::GreaterOrEqual),
    ("lt", ComparisonOperator::Less),
    ("le", ComparisonOperator::LessOrEqual),
    ("like", ComparisonOperator::Like),
    ("notlike", ComparisonOperator::NotLike),
    ("match", ComparisonOperator::Match),
    ("notmatch", ComparisonOperator::NotMatch),
    ("contains", ComparisonOperator::Contains),
    ("notcontains", ComparisonOperator::NotContains),
    ("in", ComparisonOperator::In),
    ("notin", ComparisonOperator::NotIn),
];

impl ComparisonOperator {
    /// The name without the dash, in lower case.
    pub fn name(self) -> &'static str {
        OPERATORS.iter().find(|(_, operator)| *operator == self).map_or("eq", |(name, _)| name)
    }

    /// The operator of that name, in any letter case; `ceq` and the like count letter case,
    /// `ieq` and the like say that they do not.
    pub fn named(name: &str) -> Option<(Self, Case)> {
        let find = |name: &str| OPERATORS.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        if let Some((_, operator)) = find(name) {
            return Some((*operator, Case::Ignored));
        }
        let (case, rest) = match name.split_at_checked(1)? {
            ("c" | "C", rest) => (Case::Sensitive, rest),
            ("i" | "I", rest) => (Case::Ignored, rest),
            _ => return None,
        };
        find(rest).map(|(_, operator)| (*operator, case))
    }
}

/// The reason why two values cannot be compared in this way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// The regular expression cannot be read.
    #[error("'{pattern}' is no regular expression: {problem}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// The mistake, in one line.
        problem: String,
    },
    /// There is no order between the two.
    #[error("the {left} and the {right} '{value}' have no order")]
    NoOrder {
        /// The kind of the left side.
        left: String,
        /// The kind of the right side.
        right: String,
        /// The right side.
        value: String,
    },
    /// A pattern of `-like` and a text that are too long for each other.
    #[error(transparent)]
    Wildcards(#[from] TooMuchWork),
    /// The program that asked must end.
    #[error("the comparison was stopped")]
    Stopped,
}

/// An operator with its right side, prepared for many left sides.
#[derive(Clone, Debug)]
pub struct Comparison {
    operator: ComparisonOperator,
    case: Case,
    right: Value,
    wildcards: Option<Pattern>,
    expression: Option<Regex>,
}

/// Applies an operator to two values: gives a truth value, or for a list on the left the elements that fit.
pub fn compare(
    left: &Value,
    operator: ComparisonOperator,
    right: &Value,
    case: Case,
) -> Result<Value, CompareError> {
    Comparison::new(operator, right.clone(), case)?.of(left)
}

impl Comparison {
    /// Prepares a comparison.
    pub fn new(operator: ComparisonOperator, right: Value, case: Case) -> Result<Self, CompareError> {
        let is_like = matches!(operator, ComparisonOperator::Like | ComparisonOperator::NotLike);
        let is_match = matches!(operator, ComparisonOperator::Match | ComparisonOperator::NotMatch);
        let wildcards = is_like.then(|| Pattern::new(&right.to_string(), case));
        let expression = is_match.then(|| expression(&right.to_string(), case)).transpose()?;
        Ok(Self { operator, case, right, wildcards, expression })
    }

    /// Applies the operator to this left side.
    pub fn of(&self, left: &Value) -> Result<Value, CompareError> {
        self.of_until(left, &|| false)
    }

    /// Applies the operator to this left side, unless `is_due` says between the elements of a list that the program
    /// must end.
    pub fn of_until(&self, left: &Value, is_due: &dyn Fn() -> bool) -> Result<Value, CompareError> {
        let look = |place: usize| match place.is_multiple_of(LOOK_EVERY) && is_due() {
            true => Err(CompareError::Stopped),
            false => Ok(()),
        };
        let has = |list: &Value, value: &Value| -> Result<bool, CompareError> {
            let items = if let Value::List(items) = list { items } else { std::slice::from_ref(list) };
            for (place, item) in items.iter().enumerate() {
                look(place)?;
                if equals(item, value, self.case) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let contained = match self.operator {
            ComparisonOperator::Contains => Some(has(left, &self.right)?),
            ComparisonOperator::NotContains => Some(!has(left, &self.right)?),
            ComparisonOperator::In => Some(has(&self.right, left)?),
            ComparisonOperator::NotIn => Some(!has(&self.right, left)?),
            ComparisonOperator::Equal
            | ComparisonOperator::NotEqual
            | ComparisonOperator::Greater
            | ComparisonOperator::GreaterOrEqual
            | ComparisonOperator::Less
            | ComparisonOperator::LessOrEqual
            | ComparisonOperator::Like
            | ComparisonOperator::NotLike
            | ComparisonOperator::Match
            | ComparisonOperator::NotMatch => None,
        };
        if let Some(is_contained) = contained {
            return Ok(Value::Boolean(is_contained));
        }
        let Value::List(items) = left else { return self.fits(left).map(Value::Boolean) };
        let mut fitting = Vec::new();
        for (place, item) in items.iter().enumerate() {
            look(place)?;
            if self.fits(item)? {
                fitting.push(item.clone());
            }
        }
        Ok(Value::List(fitting))
    }

    /// The expression of `-match`, which tells what it found.
    pub fn fitting(&self) -> Option<&Regex> {
        self.expression.as_ref().filter(|_| self.operator == ComparisonOperator::Match)
    }

    fn fits(&self, left: &Value) -> Result<bool, CompareError> {
        let ordered = |wanted: fn(Ordering) -> bool| self.ordered(left).map(wanted);
        let like = || match &self.wildcards {
            Some(pattern) => Ok(pattern.try_matches(&left.to_string())?),
            None => Ok(false),
        };
        let matches = || self.expression.as_ref().is_some_and(|regex| regex.is_match(&left.to_string()));
        match self.operator {
            ComparisonOperator::Equal => Ok(equals(left, &self.right, self.case)),
            ComparisonOperator::NotEqual => Ok(!equals(left, &self.right, self.case)),
            ComparisonOperator::Greater => ordered(Ordering::is_gt),
            ComparisonOperator::GreaterOrEqual => ordered(Ordering::is_ge),
            ComparisonOperator::Less => ordered(Ordering::is_lt),
            ComparisonOperator::LessOrEqual => ordered(Ordering::is_le),
            ComparisonOperator::Like => like(),
            ComparisonOperator::NotLike => like().map(|fits| !fits),
            ComparisonOperator::Match => Ok(matches()),
            ComparisonOperator::NotMatch => Ok(!matches()),
            ComparisonOperator::Contains | ComparisonOperator::In => Ok(equals(left, &self.right, self.case)),
            ComparisonOperator::NotContains | ComparisonOperator::NotIn => {
                Ok(!equals(left, &self.right, self.case))
            }
        }
    }

    fn ordered(&self, left: &Value) -> Result<Ordering, CompareError> {
        // Null stands before everything, as in PowerShell: what a record lacks is no mistake of a filter.
        if matches!(left, Value::Null) || matches!(self.right, Value::Null) {
            return Ok(order(left, &self.right, self.case));
        }
        match brought_to(left, &self.right) {
            Some(right) => Ok(order(left, &right, self.case)),
            None => Err(CompareError::NoOrder {
                left: left.kind().to_owned(),
                right: self.right.kind().to_owned(),
                value: self.right.to_string(),
            }),
        }
    }
}

/// Elements of a list between two looks at whether the program must end.
const LOOK_EVERY: usize = 8;

fn equals(left: &Value, right: &Value, case: Case) -> bool {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => same_text(left, right, case),
        (Value::Null, other) | (other, Value::Null) => matches!(other, Value::Null),
        (left, right) => brought_to(left, right).is_some_and(|right| key(left, case) == key(&right, case)),
    }
}

/// Whether two texts are the same, which most are not from an early letter on.
fn same_text(left: &str, right: &str, case: Case) -> bool {
    if case == Case::Sensitive {
        return left == right;
    }
    for (one, other) in left.bytes().zip(right.bytes()) {
        if !one.is_ascii() || !other.is_ascii() {
            return case.fold(left) == case.fold(right);
        }
        if !one.eq_ignore_ascii_case(&other) {
            return false;
        }
    }
    left.len() == right.len()
}

/// The right side as the kind of the left one, if it can be that.
fn brought_to(left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        // A list of one stands for its element, as everywhere.
        (left, Value::List(items)) if items.len() == 1 && !matches!(left, Value::List(_)) => {
            brought_to(left, &items[0])
        }
        (Value::Integer(_) | Value::Float(_), Value::Text(text)) => number(text),
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => Some(right.clone()),
        (Value::Duration(_), Value::Text(text)) => parse_duration(text).map(Value::Duration),
        (Value::Duration(_), Value::Integer(_) | Value::Float(_)) => {
            parse_duration(&right.to_string()).map(Value::Duration)
        }
        (Value::Timestamp(_), Value::Text(text)) => text.parse::<Timestamp>().ok().map(Value::Timestamp),
        (Value::Boolean(_), other) => Some(Value::Boolean(other.is_truthy())),
        (
            Value::Text(_),
            Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Duration(_)
            | Value::Timestamp(_),
        ) => Some(Value::Text(right.to_string())),
        (left, right) if std::mem::discriminant(left) == std::mem::discriminant(right) => Some(right.clone()),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    let text = text.trim();
    let whole = text.parse().map(Value::Integer).ok();
    whole.or_else(|| text.parse().map(Value::Float).ok())
}

/// A regular expression; letter case counts only where it is to.
///
/// # Errors
/// The text is none, and in what.
pub fn expression(pattern: &str, case: Case) -> Result<Regex, CompareError> {
    RegexBuilder::new(pattern).case_insensitive(case == Case::Ignored).size_limit(1 << 20).build().map_err(
        |error| CompareError::Pattern {
            pattern: pattern.to_owned(),
            problem: error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn verdict(left: impl Into<Value>, name: &str, right: impl Into<Value>) -> String {
        let (operator, case) = ComparisonOperator::named(name).unwrap();
        match compare(&left.into(), operator, &right.into(), case) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_right_side_becomes_the_kind_of_the_left() {
        assert_eq!(verdict(5, "eq", "5"), "True");
        assert_eq!(verdict("5", "EQ", 5), "True");
        assert_eq!(verdict(10, "gt", "9"), "True");
        assert_eq!(verdict("10", "gt", 9), "False", "texts by their letters");
        assert_eq!(verdict(Duration::from_millis(2_500), "gt", 2), "True");
        assert_eq!(verdict(Duration::from_secs(90), "eq", "1m30s"), "True");
        assert_eq!(verdict(true, "eq", "anything"), "True");
        assert_eq!(verdict(5, "lt", "five"), "the integer and the text 'five' have no order");
        assert_eq!(verdict(Value::Null, "lt", 30), "True");
        assert_eq!(verdict(Value::Null, "gt", 30), "False");
        assert_eq!(verdict(30, "gt", Value::Null), "True");
        assert_eq!(verdict(Value::Null, "le", Value::Null), "True");
        assert_eq!(verdict(5, "eq", "five"), "False");
        assert_eq!(verdict(Value::Null, "eq", ""), "False");
    }

    #[test]
    fn a_comparison_of_a_list_ends_with_its_program() {
        let list = Value::texts(vec!["x"; 100]);
        for name in ["eq", "like", "match", "contains", "notcontains"] {
            let (operator, case) = ComparisonOperator::named(name).unwrap();
            let n_asked = std::cell::Cell::new(0);
            let is_due = || n_asked.replace(n_asked.get() + 1) == 1;
            let stopped = Comparison::new(operator, "y".into(), case).unwrap().of_until(&list, &is_due);
            assert!(matches!(stopped, Err(CompareError::Stopped)), "{name}");
            assert_eq!(n_asked.get(), 2, "{name}");
        }
    }

    #[test]
    fn texts_are_the_same_whatever_their_letters() {
        for (left, right, same) in [
            ("abc", "ABC", "True"),
            ("abc", "abcd", "False"),
            ("", "", "True"),
            ("ÄB", "äb", "True"),
            ("aÄ", "Aä", "True"),
            ("ΟΔΟΣ", "οδος", "True"),
            ("\u{212a}", "k", "True"),
            ("aé", "ae", "False"),
        ] {
            assert_eq!(verdict(left, "eq", right), same, "{left} {right}");
        }
    }

    #[test]
    fn letter_case_counts_only_when_asked() {
        assert_eq!(verdict("Success", "eq", "SUCCESS"), "True");
        assert_eq!(verdict("Success", "ceq", "SUCCESS"), "False");
        assert_eq!(verdict("Success", "like", "s*S"), "True");
        assert_eq!(verdict("Success", "cmatch", "^s"), "False");
        assert_eq!(verdict("Success", "inotmatch", "^s"), "False");
    }

    #[test]
    fn a_list_on_the_left_is_filtered() {
        let list = || Value::texts(["Test-XmppIM", "Get-Pool", "Test-Topology"]);
        assert_eq!(verdict(list(), "match", "^test-"), "{Test-XmppIM, Test-Topology}");
        assert_eq!(verdict(list(), "eq", "none"), "{}");
        assert_eq!(verdict(list(), "contains", "get-pool"), "True");
        assert_eq!(verdict("get-pool", "in", list()), "True");
        assert_eq!(verdict("get-pool", "notin", list()), "False");
    }

    #[test]
    fn a_broken_expression_is_told() {
        assert_eq!(verdict("x", "match", "("), "'(' is no regular expression: unclosed group");
    }
}
