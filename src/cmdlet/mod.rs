//! The description of a cmdlet as data: name, parameters, examples, roles.
//!
//! Ground: words, no deeds. Help, completion, binding, gating, the role matrix and the
//! reference all read this one value. What a cmdlet does stands beside its description,
//! in `cmdlets`.

pub mod arguments;
pub mod catalogue;
pub mod error;
pub mod parameter;

pub use arguments::{Argument, Arguments};
pub use catalogue::Catalogue;
pub use error::{Category, ErrorRecord, Position, Program, SourcePlace};
pub use parameter::{Arity, Binds, Kind, Need, Parameter};

use crate::access::BuiltIn;

/// A cmdlet's description.
#[derive(Debug)]
pub struct Description {
    /// `Verb-Noun`, with an approved PowerShell verb and a singular noun.
    pub name: &'static str,
    /// The original's name where it has one, such as `Test-CsXmppIM`; accepted everywhere.
    pub original: Option<&'static str>,
    /// Short names, such as `?` and `where`.
    pub aliases: &'static [&'static str],
    /// The family, for help's overview.
    pub family: Family,
    /// One sentence.
    pub synopsis: &'static str,
    /// The explanation for newcomers, in paragraphs.
    pub description: &'static str,
    /// The parameters, in the order of help.
    pub parameters: &'static [Parameter],
    /// The type of the records that it emits; empty if it emits none of its own.
    pub emits: &'static str,
    /// The built-in roles that have it, beside `Administrator`, which has every cmdlet.
    pub roles: &'static [BuiltIn],
    /// The extent of the changes that the cmdlet makes; it decides on `-WhatIf` and `-Confirm`.
    pub impact: Impact,
    /// Examples with the output that they print on the practice network.
    pub examples: &'static [Example],
}

/// The families of cmdlets, in the order of help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Tests of pools, partners and messages.
    Verify,
    /// Pools, partners, settings.
    Topology,
    /// Passwords and certificates.
    Credentials,
    /// Roles, assignments, audit.
    Access,
    /// Results and reports.
    Results,
    /// Help, history, measuring.
    Shell,
    /// The objects that are passed through pipes.
    Objects,
}

/// The extent of the changes that a cmdlet makes (PowerShell's ConfirmImpact).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// Changes nothing: no `-WhatIf`, no `-Confirm`.
    None,
    /// Changes something that is easily put back.
    Medium,
    /// Takes something away: asks first, unless `-Confirm:$false`.
    High,
}

/// A line that a reader can type, and what it prints on the practice network.
#[derive(Debug)]
pub struct Example {
    /// The subject of the example, in one sentence.
    pub title: &'static str,
    /// The code, as at the prompt.
    pub code: &'static str,
    /// The exact output of the example; `…` stands for text that differs from run to run, such as a time.
    pub output: &'static str,
}

impl Description {
    /// The verb: what stands before the hyphen.
    pub fn verb(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(verb, _)| verb)
    }

    /// The noun: what stands behind the hyphen.
    pub fn noun(&self) -> &'static str {
        self.name.split_once('-').map_or("", |(_, noun)| noun)
    }

    /// The name as a function in scripts: `test_xmpp_im` for `Test-XmppIM`.
    pub fn function_name(&self) -> String {
        snake_case(self.name)
    }

    /// Every name as a function: its own, and the original's (`test_cs_xmpp_im`) where it has one.
    pub fn function_names(&self) -> impl Iterator<Item = String> + use<> {
        [self.name].into_iter().chain(self.original).map(snake_case)
    }

    /// Whether somebody may call it by `name`: its own, the original's or an alias,
    /// in any letter case.
    pub fn answers_to(&self, name: &str) -> bool {
        self.every_name().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether the records of a pipe fill one of its parameters, or are what it works on.
    pub fn takes_pipe(&self) -> bool {
        self.parameters.iter().any(|parameter| match parameter.need {
            Need::Pipeline
            | Need::RequiredOrPipeline
            | Need::RequiredOrEach
            | Need::RequiredOrAll
            | Need::OptionalOrAll(_) => true,
            Need::Required | Need::Optional(_) => false,
        })
    }

    /// Every name that it answers to, its own first.
    pub fn every_name(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.original).chain(self.aliases.iter().copied())
    }

    /// The cmdlet's own parameters, then the common ones that apply to it.
    pub fn every_parameter(&self) -> impl Iterator<Item = &'static Parameter> + Clone + use<> {
        let risk: &[Parameter] = match self.impact {
            Impact::None => &[],
            Impact::Medium | Impact::High => parameter::RISK,
        };
        let verify: &[Parameter] = if self.family == Family::Verify { parameter::VERIFY } else { &[] };
        self.parameters.iter().chain(verify).chain(risk).chain(parameter::COMMON)
    }

    /// The parameter called `written`: by its name, an alias, or a prefix that fits only one.
    /// An exact name wins over a prefix.
    pub fn parameter(&self, written: &str) -> Result<&'static Parameter, parameter::NoParameter> {
        parameter::find(self.every_parameter(), written)
    }
}

/// `test_xmpp_im` for `Test-XmppIM`, `sip_address` for `SipAddress`: a run of capitals is one word.
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (place, letter) in letters.iter().enumerate() {
        if *letter == '-' {
            continue;
        }
        let starts_word = letter.is_uppercase()
            && place > 0
            && (letters[place - 1] == '-'
                || !letters[place - 1].is_uppercase()
                || letters.get(place + 1).is_some_and(|next| next.is_lowercase()));
        if starts_word && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn a_cmdlet_as_a_function_is_its_name_in_snake_case() {
        for (name, function) in [
            ("Test-XmppIM", "test_xmpp_im"),
            ("Get-Credential", "get_credential"),
            ("Get-AdminRole", "get_admin_role"),
            ("ConvertTo-Json", "convert_to_json"),
            ("Get-XmppAllowedPartner", "get_xmpp_allowed_partner"),
        ] {
            assert_eq!(snake_case(name), function);
        }
    }
}
