//! Roles: a list of cmdlets with scopes and limits on parameters.
//!
//! A custom role is *defined* against a built-in template ([`RoleDefinition`], what the topology
//! holds); the template's cmdlets are known only to the cmdlets themselves.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

use super::limits::SessionLimits;
use super::scope::{ConfigScope, UserScope, site_key};

/// The built-in roles. Each cmdlet's own file says which of them have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BuiltIn {
    /// Everything, also what the topology does not list.
    Administrator,
    /// Manages and tests pools and partners.
    ServerAdministrator,
    /// Manages test users and their credentials.
    UserAdministrator,
    /// Looks at the deployment and runs tests; changes nothing.
    HelpDesk,
    /// Looks at the deployment.
    ViewOnlyAdministrator,
}

impl BuiltIn {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 5] = [
        Self::Administrator,
        Self::ServerAdministrator,
        Self::UserAdministrator,
        Self::HelpDesk,
        Self::ViewOnlyAdministrator,
    ];

    /// All but the administrator, who has every cmdlet: for one that anybody may run.
    pub const EVERYBODY: &'static [Self] =
        &[Self::ServerAdministrator, Self::UserAdministrator, Self::HelpDesk, Self::ViewOnlyAdministrator];

    /// The name as topology and records spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::ServerAdministrator => "ServerAdministrator",
            Self::UserAdministrator => "UserAdministrator",
            Self::HelpDesk => "HelpDesk",
            Self::ViewOnlyAdministrator => "ViewOnlyAdministrator",
        }
    }

    /// Finds one by its name in any letter case, with or without the original's `Cs` in front.
    pub fn named(written: &str) -> Option<Self> {
        let written = written.trim();
        Self::ALL.into_iter().find(|role| {
            written.eq_ignore_ascii_case(role.name())
                || written.get(..2).is_some_and(|cs| cs.eq_ignore_ascii_case("cs"))
                    && written.get(2..).is_some_and(|rest| rest.eq_ignore_ascii_case(role.name()))
        })
    }
}

/// Whether two names mean one role: in any letter case, a built-in one also by the original's name.
pub fn is_same(one: &str, other: &str) -> bool {
    match (BuiltIn::named(one), BuiltIn::named(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => site_key(one) == site_key(other),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

impl FromStr for BuiltIn {
    type Err = NoBuiltInRole;

    fn from_str(written: &str) -> Result<Self, NoBuiltInRole> {
        Self::named(written).ok_or_else(|| NoBuiltInRole { written: written.chars().take(80).collect() })
    }
}

/// A text that names no built-in role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{written:?} is no built-in role: they are Administrator, ServerAdministrator, UserAdministrator, \
     HelpDesk and ViewOnlyAdministrator"
)]
pub struct NoBuiltInRole {
    /// The text as written, at most 80 characters of it.
    pub written: String,
}

impl fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A cmdlet's name as it is compared: `Verb-Noun` without letter case and without the original's
/// `Cs` before the noun.
#[derive(Clone, Debug)]
pub struct CmdletName {
    written: String,
    key: String,
}

impl CmdletName {
    /// The name as it was written, without the `Cs`.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form in which two names are the same cmdlet.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for CmdletName {
    type Err = NotACmdletName;

    fn from_str(written: &str) -> Result<Self, NotACmdletName> {
        let fault = || NotACmdletName { written: written.chars().take(80).collect() };
        let (verb, noun) = written.trim().split_once('-').ok_or_else(fault)?;
        let is_word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.len() <= 64
                && word.chars().all(|c| c.is_ascii_alphanumeric())
        };
        if !is_word(verb) || !is_word(noun) {
            return Err(fault());
        }
        // Only `Cs` before a capital, as the original writes it: `Export-Csv` keeps its noun.
        let noun = match noun.strip_prefix("Cs") {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_uppercase()) => rest,
            Some(_) | None => noun,
        };
        let written = format!("{verb}-{noun}");
        Ok(Self { key: written.to_ascii_lowercase(), written })
    }
}

impl PartialEq for CmdletName {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for CmdletName {}

impl PartialOrd for CmdletName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CmdletName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl fmt::Display for CmdletName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A text that is not of the form `Verb-Noun`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{written:?} is not of the form Verb-Noun")]
pub struct NotACmdletName {
    /// The text as written, at most 80 characters of it.
    pub written: String,
}

/// The values of one parameter that a role allows.
#[derive(Clone, Debug)]
pub enum Limit {
    /// Exactly these, in any ASCII letter case; none at all forbids the parameter.
    Values(Vec<String>),
    /// Those that the whole pattern matches.
    Pattern(LimitPattern),
}

impl Limit {
    /// Whether one value is allowed.
    pub fn allows(&self, value: &str) -> bool {
        match self {
            Self::Values(values) => values.iter().any(|allowed| allowed.eq_ignore_ascii_case(value)),
            Self::Pattern(pattern) => pattern.matches(value),
        }
    }
}

impl PartialEq for Limit {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Values(ours), Self::Values(theirs)) => ours == theirs,
            (Self::Pattern(ours), Self::Pattern(theirs)) => ours == theirs,
            (Self::Values(_), Self::Pattern(_)) | (Self::Pattern(_), Self::Values(_)) => false,
        }
    }
}

/// A regular expression that must match a whole value.
#[derive(Clone, Debug)]
pub struct LimitPattern {
    written: String,
    whole: Regex,
}

impl LimitPattern {
    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether the whole value matches.
    pub fn matches(&self, value: &str) -> bool {
        self.whole.is_match(value)
    }
}

impl PartialEq for LimitPattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl FromStr for LimitPattern {
    type Err = PatternFault;

    fn from_str(written: &str) -> Result<Self, PatternFault> {
        if written.len() > MAX_PATTERN_BYTES {
            return Err(PatternFault::TooLong { bytes: written.len() });
        }
        // Alone first: `a)|(?:b` would be an expression between the anchors, and not anchored.
        compile(written)?;
        let whole = compile(&format!(r"\A(?:{written})\z"))?;
        Ok(Self { written: written.to_owned(), whole })
    }
}

fn compile(expression: &str) -> Result<Regex, PatternFault> {
    RegexBuilder::new(expression)
        .size_limit(MAX_PATTERN_MEMORY)
        .dfa_size_limit(MAX_PATTERN_MEMORY)
        .nest_limit(MAX_PATTERN_DEPTH)
        .build()
        .map_err(|fault| PatternFault::Malformed { why: last_line(&fault.to_string()) })
}

/// The regex crate draws the expression and ends with the reason.
fn last_line(text: &str) -> String {
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not compile");
    last.trim().trim_start_matches("error: ").to_owned()
}

/// The reason why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// Longer than a role needs.
    #[error("a pattern of {bytes} bytes is too long: 1024 are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not a regular expression, or one that grows too large.
    #[error("the pattern is no regular expression: {why}")]
    Malformed {
        /// The reason in the words of the regex crate.
        why: String,
    },
}

/// A limit, with the cmdlet and the parameter it binds.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitedParameter {
    /// The cmdlet.
    pub cmdlet: CmdletName,
    /// The parameter, without the dash; compared without letter case.
    pub parameter: String,
    /// Its values.
    pub limit: Limit,
}

/// A script of the library, or one function of it: `reset.rhai`, `reset.rhai:everything`. Never a path:
/// the library is one directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScriptModule {
    /// The script's name, without its ending.
    name: String,
    /// The one function, where it is not all of them.
    function: Option<String>,
}

impl ScriptModule {
    /// The script's name, without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one function that may be run; `None` for all of them, and the script itself.
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// Whether who may run this may run the other one.
    pub fn covers(&self, other: &Self) -> bool {
        self.name == other.name && (self.function.is_none() || self.function == other.function)
    }
}

impl FromStr for ScriptModule {
    type Err = ScriptModuleFault;

    fn from_str(written: &str) -> Result<Self, ScriptModuleFault> {
        let is_word = |text: &str, more: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let (file, function) = match written.split_once(':') {
            Some((file, function)) => (file, Some(function)),
            None => (written, None),
        };
        let name = file.strip_suffix(".rhai").unwrap_or_default();
        if !is_word(name, "._-") || function.is_some_and(|function| !is_word(function, "_")) {
            return Err(ScriptModuleFault { written: written.to_owned() });
        }
        Ok(Self { name: name.to_owned(), function: function.map(str::to_owned) })
    }
}

impl fmt::Display for ScriptModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.rhai", self.name)?;
        self.function.as_ref().map_or(Ok(()), |function| write!(f, ":{function}"))
    }
}

/// A text that names no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{written:?} names no script of the library: write NAME.rhai, or NAME.rhai:FUNCTION, without a directory"
)]
pub struct ScriptModuleFault {
    /// The text as written.
    pub written: String,
}

/// A custom role as the topology holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleDefinition {
    /// Its name. Names compare without letter case.
    pub identity: String,
    /// The built-in role whose cmdlets it starts from.
    pub template: BuiltIn,
    /// In place of the template's cmdlets, where given.
    pub cmdlets: Option<Vec<CmdletName>>,
    /// Added to them.
    pub add_cmdlets: Vec<CmdletName>,
    /// Taken from them; wins over `add_cmdlets`.
    pub remove_cmdlets: Vec<CmdletName>,
    /// The pools it reaches; `global` where the topology says nothing.
    pub config_scopes: Vec<ConfigScope>,
    /// The users it reaches; `global` where the topology says nothing.
    pub user_scopes: Vec<UserScope>,
    /// Limits on parameters.
    pub limits: Vec<LimitedParameter>,
    /// Scripts of the library that its holders may run.
    pub script_modules: Vec<ScriptModule>,
    /// The limits of the sessions of its holders.
    pub session: SessionLimits,
    /// Its purpose, for people.
    pub description: Option<String>,
}

const MAX_PATTERN_BYTES: usize = 1024;
const MAX_PATTERN_MEMORY: usize = 1 << 20;
const MAX_PATTERN_DEPTH: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_value_or_nothing() {
        for (pattern, value, matches) in [
            ("contoso.com", "contoso.com", true),
            ("contoso.com", "contoso.com.evil.example", false),
            ("a|b", "ab", false),
            ("a|ab", "ab", true),
            (".*@contoso\\.com", "x@contoso.com\n@evil.example", false),
            ("(?m)^a$", "a\nb", false),
        ] {
            assert_eq!(
                pattern.parse::<LimitPattern>().unwrap().matches(value),
                matches,
                "{pattern} {value:?}"
            );
        }
    }

    #[test]
    fn a_pattern_cannot_break_out_of_its_anchors_or_grow() {
        for pattern in ["a)|(?:b", "(", "(?x)a #", "a{1000000}", "((((((a{99}){99}){99}){99}))))"] {
            assert!(pattern.parse::<LimitPattern>().is_err(), "{pattern}");
        }
        assert!("(".repeat(5_000).parse::<LimitPattern>().is_err());
        assert_eq!("a".repeat(2_000).parse::<LimitPattern>(), Err(PatternFault::TooLong { bytes: 2_000 }));
    }

    #[test]
    fn a_cmdlet_has_one_name() {
        let wanted: CmdletName = "Test-XmppIM".parse().unwrap();
        for written in ["test-xmppim", "Test-CsXmppIM", "TEST-XMPPIM", " Test-XmppIM "] {
            assert_eq!(written.parse::<CmdletName>().unwrap(), wanted, "{written}");
        }
        assert_eq!("Export-Csv".parse::<CmdletName>().unwrap().key(), "export-csv");
        for written in ["", "Test", "Test-", "-XmppIM", "Test-Xmpp-IM", "Test-*", "Test-Xmpp IM", "eval"] {
            assert!(written.parse::<CmdletName>().is_err(), "{written}");
        }
    }

    #[test]
    fn built_in_roles_answer_to_the_originals_names() {
        assert_eq!(BuiltIn::named("CsHelpDesk"), Some(BuiltIn::HelpDesk));
        assert_eq!(BuiltIn::named("helpdesk"), Some(BuiltIn::HelpDesk));
        assert_eq!(BuiltIn::named("HelpDesk2"), None);
    }
}
