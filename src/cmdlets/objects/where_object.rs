//! `Where-Object`: the records that fit.

use std::sync::Arc;

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Halt, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::compare::{Comparison, ComparisonOperator};
use crate::value::pattern::Case;
use crate::value::{Block, Value};

/// `Where-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Where-Object",
        original: None,
        aliases: &["?", "where"],
        family: Family::Objects,
        synopsis: "Lets those records through that fit a condition.",
        description: "The condition is a script block in which $_ is the record, or a property, an operator and a \
                      value: Where-Object Result -eq Failure. A property alone is asked whether it is true; -Not \
                      turns that round. Letter case does not count, except with the operators that begin with C.",
        parameters: &[
            Parameter::new("Property", Kind::Property, "The property to look at, or a script block.").at(0),
            Parameter::new("Value", Kind::Any, "What to compare it with.").at(1),
            Parameter::new("FilterScript", Kind::Block, "The condition as a script block."),
            Parameter::new("Not", Kind::Switch, "The property is not true."),
            operator("EQ", &["IEQ"], "They are equal."),
            operator("NE", &["INE"], "They are not equal."),
            operator("GT", &["IGT"], "The property is greater."),
            operator("GE", &["IGE"], "The property is greater or equal."),
            operator("LT", &["ILT"], "The property is less."),
            operator("LE", &["ILE"], "The property is less or equal."),
            operator("Like", &["ILike"], "The property fits a pattern with * and ?."),
            operator("NotLike", &["INotLike"], "It does not fit the pattern."),
            operator("Match", &["IMatch"], "A regular expression is found in the property."),
            operator("NotMatch", &["INotMatch"], "The expression is not found in it."),
            operator("Contains", &["IContains"], "The property is a list that has the value."),
            operator("NotContains", &["INotContains"], "The list has not the value."),
            operator("In", &["IIn"], "The property is one of the values."),
            operator("NotIn", &["INotIn"], "It is none of the values."),
            operator("CEQ", &[], "As -EQ; letter case counts."),
            operator("CNE", &[], "As -NE; letter case counts."),
            operator("CGT", &[], "As -GT; letter case counts."),
            operator("CGE", &[], "As -GE; letter case counts."),
            operator("CLT", &[], "As -LT; letter case counts."),
            operator("CLE", &[], "As -LE; letter case counts."),
            operator("CLike", &[], "As -Like; letter case counts."),
            operator("CNotLike", &[], "As -NotLike; letter case counts."),
            operator("CMatch", &[], "As -Match; letter case counts."),
            operator("CNotMatch", &[], "As -NotMatch; letter case counts."),
            operator("CContains", &[], "As -Contains; letter case counts."),
            operator("CNotContains", &[], "As -NotContains; letter case counts."),
            operator("CIn", &[], "As -In; letter case counts."),
            operator("CNotIn", &[], "As -NotIn; letter case counts."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[
            Example {
                title: "The groups of more than one",
                code: "Write-Output a b a | Group-Object -NoElement | Where-Object Count -gt 1",
                output: "Count Name\n----- ----\n    2 a",
            },
            Example {
                title: "The numbers above a limit",
                code: "Write-Output 1 5 9 | Where-Object { $_ -gt 4 }",
                output: "5\n9",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const fn operator(name: &'static str, aliases: &'static [&'static str], help: &'static str) -> Parameter {
    Parameter::new(name, Kind::Switch, help).aliases(aliases)
}

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let mut condition = Condition::of(&call)?;
    while let Some(item) = call.input.next().await {
        if condition.holds(&call, &item)? {
            call.emit(item).await?;
            if condition.runs_a_block() {
                call.give_way().await?;
            }
        }
    }
    Ok(())
}

enum Condition {
    Block(Arc<dyn Block>),
    Truth { property: String, wanted: bool, is_known: bool },
    Comparison { property: String, comparison: Box<Comparison>, is_known: bool },
}

impl Condition {
    fn runs_a_block(&self) -> bool {
        matches!(self, Self::Block(_))
    }

    fn of(call: &Call) -> Result<Self, ErrorRecord> {
        if let Some(block) = call.bound.block("FilterScript").or_else(|| call.bound.block("Property")) {
            return Ok(Self::Block(block));
        }
        let Some(property) = call.bound.text("Property") else { return Err(incomplete()) };
        let mut operators = call
            .bound
            .iter()
            .filter_map(|(name, value)| ComparisonOperator::named(name).filter(|_| value.is_truthy()));
        let value = call.bound.value("Value").cloned();
        match (operators.next(), operators.next()) {
            (None, _) if value.is_none() => {
                Ok(Self::Truth { property, wanted: !call.bound.switch("Not"), is_known: false })
            }
            // As in PowerShell, a value alone means that it is equal.
            (None, _) => Self::comparison(property, (ComparisonOperator::Equal, Case::Ignored), value),
            (Some(_), None) if !call.bound.is_given("Value") => Err(ErrorRecord::new(
                Category::InvalidArgument,
                "ValueNotSpecifiedForWhereObject",
                "The operator needs a value to compare with.",
            )
            .remedy(format!("If it is none, write: {property} -eq $null."))),
            (Some(operator), None) => Self::comparison(property, operator, value),
            (Some(_), Some(_)) => Err(ErrorRecord::new(
                Category::InvalidArgument,
                "AmbiguousParameterSet",
                "Where-Object takes one operator.",
            )
            .remedy("For more than one, write: Where-Object { … -and … }.")),
        }
    }

    fn comparison(
        property: String,
        (operator, case): (ComparisonOperator, Case),
        value: Option<Value>,
    ) -> Result<Self, ErrorRecord> {
        let comparison = Comparison::new(operator, value.unwrap_or_default(), case).map_err(|error| {
            ErrorRecord::new(
                Category::InvalidArgument,
                "InvalidComparison",
                crate::call::sentence(&error.to_string()),
            )
        })?;
        Ok(Self::Comparison { property, comparison: Box::new(comparison), is_known: false })
    }

    fn holds(&mut self, call: &Call, item: &Value) -> Result<bool, Halt> {
        match self {
            Self::Block(block) => Ok(call.call_block(block, item.clone())?.is_truthy()),
            Self::Truth { property, wanted, is_known } => {
                Ok(look(property, item, is_known)?.is_truthy() == *wanted)
            }
            Self::Comparison { property, comparison, is_known } => {
                let compared = comparison.of(&look(property, item, is_known)?).map_err(|error| {
                    let message = crate::call::sentence(&error.to_string());
                    ErrorRecord::new(Category::InvalidArgument, "InvalidComparison", message)
                        .target(property.as_str())
                })?;
                Ok(compared.is_truthy())
            }
        }
    }
}

/// The property of an item. A filter on a misspelt name would let nothing through and look as
/// if nothing had failed, so the first record must have it.
fn look(property: &str, item: &Value, is_known: &mut bool) -> Result<Value, ErrorRecord> {
    match item.property(property) {
        Ok(value) => {
            *is_known = true;
            Ok(value)
        }
        Err(_) if *is_known => Ok(Value::Null),
        Err(unknown) => Err(ErrorRecord::no_such_property(&unknown)),
    }
}

fn incomplete() -> ErrorRecord {
    ErrorRecord::new(
        Category::InvalidArgument,
        "MissingMandatoryParameter",
        "Where-Object needs a script block or a property.",
    )
    .remedy("Write: Where-Object { … }, or Where-Object Result -eq Failure.")
}
