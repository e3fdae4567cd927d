//! A parameter of a cmdlet: its name, what it takes, and which scope it binds.

use crate::value::text::nearest;

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name without its hyphen, in Pascal case: `TargetFqdn`.
    pub name: &'static str,
    /// Short names, such as `t`.
    pub aliases: &'static [&'static str],
    /// The kind of value that the parameter takes.
    pub kind: Kind,
    /// One value, or a list.
    pub arity: Arity,
    /// Whether it must be given.
    pub need: Need,
    /// Its place among the arguments without a name, counted from zero.
    pub position: Option<u8>,
    /// The scope of a role that the values are checked against.
    pub binds: Binds,
    /// Whether the file that it names lies on the drive of a delegated session, and nowhere else, in such a session.
    /// Where it does not, naming a file is an administrator's.
    pub is_on_drive: bool,
    /// The key of the topology's document that it sets, where it sets one.
    pub sets: Option<&'static str>,
    /// One sentence, or a few.
    pub help: &'static str,
}

/// The kind of value that a parameter takes; it also determines what completion offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Present or not; `-Name:$false` takes it back.
    Switch,
    /// Any text.
    Text,
    /// One of these words, in any letter case.
    Choice(&'static [&'static str]),
    /// A whole number within the bounds, both included.
    Integer(i64, i64),
    /// A number of seconds, or text such as `90s`, `1m30s`, `00:01:30`.
    Duration,
    /// The FQDN of a pool.
    Pool,
    /// `user@domain`, `sip:user@domain` or `xmpp:user@domain`.
    Address,
    /// A domain.
    Domain,
    /// The name of a site.
    Site,
    /// The name of a role.
    Role,
    /// A member of a role: `os-user:NAME`, `os-group:NAME`, `principal:NAME`.
    Member,
    /// The name of a principal.
    Principal,
    /// The name of a cmdlet, or a pattern for names.
    Cmdlet,
    /// The name of a help page: a cmdlet, a topic, or the code of a diagnosis.
    HelpPage,
    /// A user name with a password: an object from `Get-Credential`.
    Credential,
    /// The name of a file.
    File,
    /// A script block.
    Block,
    /// A map of names and values.
    Map,
    /// The name of a property, or a calculated property.
    Property,
    /// The name of a variable, without `$`.
    Variable,
    /// A list, or what to do to one: `@{Add=…}`, `@{Remove=…}`, `@{Replace=…}`, `$null`.
    Modification,
    /// Anything.
    Any,
    /// A parameter of the original that has no meaning here; its help says why. Giving it is an error.
    Foreign,
}

/// The number of values that a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// One value.
    One,
    /// One value or a list of them.
    Many,
    /// As `Many`; and every argument without a name from its place on.
    Rest,
}

/// Whether a parameter must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the cmdlet cannot run.
    Required,
    /// It may be left out; the text says what happens then, for help.
    Optional(&'static str),
    /// It is filled by the records of the pipe, and may be given instead.
    Pipeline,
    /// Filled by the pipe where there is one; required where there is none.
    RequiredOrPipeline,
    /// Required where there is no pipe; of a pipe each record fills it once, with a call of its own
    /// that the gate is asked for.
    RequiredOrEach,
    /// Required where there is no pipe; the records of a pipe fill it together, for one call that the
    /// gate is asked for.
    RequiredOrAll,
    /// As `RequiredOrAll`, and not required; the text says what happens without it, for help.
    OptionalOrAll(&'static str),
}

/// The scope of a role that a parameter's values are checked against, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binds {
    /// No scope.
    Nothing,
    /// `config_scopes`: a pool.
    Pool,
    /// `config_scopes`: a site.
    Site,
    /// `user_scopes`: an address that a message goes to.
    Receiver,
    /// `user_scopes`: a partner's domain.
    Partner,
    /// `user_scopes`: a domain that is looked at as other servers see it, a partner's or our own.
    Federation,
    /// `user_scopes`: a sender who was named by hand, and with whose account the call acts.
    Sender,
    /// `config_scopes`, through the pools that list it: a test user's address.
    TestUser,
    /// A role that is there, as it is: it is handed out, taken away, changed or removed.
    Role,
    /// The name of a role that is to be made; of one that is there, as `Role`.
    NewRole,
    /// The permissions of a role: the role as it would be afterwards.
    Power,
    /// The member that is given a role: of a principal, every role that it has already.
    Member,
    /// A principal that is changed or removed, by every role that it has.
    Principal,
    /// The name of a principal that is to be made; of one that is there, as `Principal`.
    NewPrincipal,
    /// A public key: of one that is listed already, the principal that it proves.
    Key,
    /// A pool that goes away, and with it every role that names it.
    RemovedPool,
    /// A pool that no longer lends test users, whose passwords may be stored: only an `Administrator`
    /// may.
    EmptiedPool,
    /// A setting that no scope but `global` covers.
    Global,
    /// The principal that the call is about, also where it is left out: then it is everybody. Only both scopes
    /// `global` cover it.
    Everybody,
    /// The endpoint of a connection, in place of what the topology says: only an `Administrator` may set it.
    Endpoint,
}

impl Parameter {
    /// An optional text parameter; the starting point from which a description departs.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            arity: Arity::One,
            need: Need::Optional(""),
            position: None,
            binds: Binds::Nothing,
            is_on_drive: false,
            sets: None,
            help,
        }
    }

    /// A file that is opened by `call::files`: in a delegated session, on the drive.
    pub const fn on_drive(mut self) -> Self {
        self.is_on_drive = true;
        self
    }

    /// A parameter of the original that means nothing here, and why, as a clause.
    pub const fn foreign(name: &'static str, why: &'static str) -> Self {
        Self::new(name, Kind::Foreign, why)
    }

    /// With short names.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Taking a list as well.
    pub const fn many(mut self) -> Self {
        self.arity = Arity::Many;
        self
    }

    /// Taking every further argument without a name.
    pub const fn rest(mut self) -> Self {
        self.arity = Arity::Rest;
        self
    }

    /// To be given always.
    pub const fn required(mut self) -> Self {
        self.need = Need::Required;
        self
    }

    /// With words on what happens when it is left out.
    pub const fn default(mut self, words: &'static str) -> Self {
        self.need = Need::Optional(words);
        self
    }

    /// Filled by the pipe, if there is one.
    pub const fn from_pipeline(mut self) -> Self {
        self.need = match self.need {
            Need::Required | Need::RequiredOrPipeline | Need::RequiredOrEach | Need::RequiredOrAll => {
                Need::RequiredOrPipeline
            }
            Need::Optional(_) | Need::Pipeline | Need::OptionalOrAll(_) => Need::Pipeline,
        };
        self
    }

    /// To be given, or filled by each record of the pipe in turn.
    pub const fn from_each_record(mut self) -> Self {
        self.need = Need::RequiredOrEach;
        self
    }

    /// To be given, or filled by all records of the pipe together.
    pub const fn from_all_records(mut self) -> Self {
        self.need = match self.need {
            Need::Required | Need::RequiredOrPipeline | Need::RequiredOrEach | Need::RequiredOrAll => {
                Need::RequiredOrAll
            }
            Need::Optional(words) | Need::OptionalOrAll(words) => Need::OptionalOrAll(words),
            Need::Pipeline => Need::OptionalOrAll(""),
        };
        self
    }

    /// Setting a key of the topology's document.
    pub const fn sets(mut self, key: &'static str) -> Self {
        self.sets = Some(key);
        self
    }

    /// Whether it sets something that lasts: `$null` and an empty text take that away, where they
    /// otherwise count as not given.
    pub fn is_setting(&self) -> bool {
        self.sets.is_some() || self.kind == Kind::Modification
    }

    /// Recognised without its name, at this place.
    pub const fn at(mut self, position: u8) -> Self {
        self.position = Some(position);
        self
    }

    /// Held against a scope.
    pub const fn binds(mut self, binds: Binds) -> Self {
        self.binds = binds;
        self
    }

    /// The name as a key of a script's map: `target_fqdn`.
    pub fn key(&self) -> String {
        super::snake_case(self.name)
    }
}

/// Parameters that every cmdlet has (PowerShell's about_CommonParameters).
pub const COMMON: &[Parameter] = &[
    Parameter::new("Verbose", Kind::Switch, "Says what is being done.").aliases(&["vb"]),
    Parameter::new("ErrorAction", Kind::Choice(&["Continue", "SilentlyContinue", "Stop", "Ignore"]), "What an error does that need not end the command: shown, kept quiet, made to end the script, or not even kept.")
        .aliases(&["ea"])
        .default("Continue"),
    Parameter::new("WarningAction", Kind::Choice(&["Continue", "SilentlyContinue", "Stop", "Ignore"]), "What a warning does.")
        .aliases(&["wa"])
        .default("Continue"),
    Parameter::new("OutVariable", Kind::Variable, "The variable that also gets what the command emits; +name appends.").aliases(&["ov"]),
    Parameter::new("ErrorVariable", Kind::Variable, "The variable that also gets the errors; +name appends.").aliases(&["ev"]),
    Parameter::new("WarningVariable", Kind::Variable, "The variable that also gets the warnings; +name appends.").aliases(&["wv"]),
];

/// Parameters that every cmdlet has which tests something.
pub const VERIFY: &[Parameter] = &[
    Parameter::new("OutLoggerVariable", Kind::Variable, "The variable that gets the log: every phase, what was learned, and the stanzas that were sent and received, secrets masked. Shown, it is a waterfall of the phases; $log.ToHTML() and $log.ToXML() give all of it.")
        .aliases(&["olv"]),
    Parameter::new("OutVerboseVariable", Kind::Variable, "The variable that gets the text of -Verbose, shown or not; +name appends.").aliases(&["ovv"]),
];

/// Parameters that every cmdlet has which changes something.
pub const RISK: &[Parameter] = &[
    Parameter::new("WhatIf", Kind::Switch, "Says what would be done, and does nothing.").aliases(&["wi"]),
    Parameter::new("Confirm", Kind::Switch, "Asks before it does anything; -Confirm:$false does not ask.")
        .aliases(&["cf"]),
    Parameter::new("Force", Kind::Switch, "Does not ask, even where it would; -Confirm still does."),
];

/// Parameters of PowerShell's cmdlets and of the originals that only few cmdlets here have, or none:
/// name, alias, and what to do instead.
const FOREIGN: &[(&str, &str, &str)] = &[
    (
        "PipelineVariable",
        "pv",
        "a script block keeps the object in a variable; write: … | ForEach-Object { $one = $_; … }",
    ),
    ("OutBuffer", "ob", "records leave one by one as they come"),
    (
        "InformationVariable",
        "iv",
        "there is no information stream; -WarningVariable keeps the warnings, -ErrorVariable the errors",
    ),
    (
        "InformationAction",
        "infa",
        "there is no information stream; -WarningAction is about warnings, -ErrorAction about errors",
    ),
    ("ProgressAction", "proga", "progress is only shown on a terminal"),
    ("Debug", "db", "-Verbose says what is being done"),
    ("LocalStore", "", "the topology is one file, and what is read is that file"),
    ("UserName", "", "give name and password as -Credential, from Get-Credential"),
    (
        "Password",
        "",
        "a command line is no place for a password: give it as -Credential, from Get-Credential",
    ),
];

/// The reason why a written name does not resolve to a parameter.
#[derive(Debug, PartialEq, Eq)]
pub enum NoParameter {
    /// PowerShell's cmdlets have it, and none of ours.
    Foreign {
        /// The alternative to use instead, as a clause.
        instead: &'static str,
    },
    /// Nothing is called so.
    Unknown {
        /// The nearest name, if one is near.
        nearest: Option<&'static str>,
    },
    /// The prefix fits several.
    Ambiguous {
        /// Their names.
        fits: Vec<&'static str>,
    },
}

/// The parameter called `written` among `parameters`.
pub(super) fn find(
    parameters: impl Iterator<Item = &'static Parameter> + Clone,
    written: &str,
) -> Result<&'static Parameter, NoParameter> {
    // In scripts' maps the names are in snake case; neither underscores nor case count.
    let plain = written.replace('_', "");
    let called = |parameter: &&'static Parameter| {
        parameter.name.eq_ignore_ascii_case(&plain)
            || parameter.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(&plain))
    };
    if let Some(exact) = parameters.clone().find(called) {
        return Ok(exact);
    }
    // What is refused anyway never makes a prefix ambiguous.
    let starts = |parameter: &&'static Parameter| {
        !plain.is_empty()
            && parameter.kind != Kind::Foreign
            && parameter.name.get(..plain.len()).is_some_and(|start| start.eq_ignore_ascii_case(&plain))
    };
    let fits: Vec<_> = parameters.clone().filter(starts).collect();
    let is = |name: &str, alias: &str| {
        !plain.is_empty() && [name, alias].iter().any(|own| own.eq_ignore_ascii_case(&plain))
    };
    match fits.as_slice() {
        [only] => Ok(only),
        [] if let Some((_, _, instead)) = FOREIGN.iter().find(|(name, alias, _)| is(name, alias)) => {
            Err(NoParameter::Foreign { instead })
        }
        [] => Err(NoParameter::Unknown { nearest: nearest(&plain, parameters.map(|p| p.name)) }),
        several => Err(NoParameter::Ambiguous { fits: several.iter().map(|p| p.name).collect() }),
    }
}
