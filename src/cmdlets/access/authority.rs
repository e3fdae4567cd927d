//! The parameters of `New-AdminRole` and `Set-AdminRole` that say what a role allows.
//!
//! One reading of the parameters for both, and for the gate as well: it holds the role as it would be
//! against the caller's own before the cmdlet runs. Pure: knows no file, and decides nothing.

use std::collections::BTreeSet;

use crate::access::limits::{self, SessionLimits};
use crate::access::role::ScriptModuleFault;
use crate::access::{
    BuiltIn, CmdletName, ConfigScope, KnownCmdlets as _, Limit, LimitPattern, LimitedParameter,
    RoleDefinition, ScriptModule, UserScope,
};
use crate::call::BoundArguments;
use crate::cmdlet::{Binds, Catalogue, Category, ErrorRecord, Kind, Parameter};
use crate::topology::Topology;
use crate::topology::edit::NewValue;
use crate::value::text::nearest;
use crate::value::{Record, Value};

/// The cmdlets of a role.
pub const CMDLETS: Parameter = Parameter::new(
    "Cmdlets",
    Kind::Modification,
    "The cmdlets that its holders may run, in place of the template's; @{Add=…} and @{Remove=…} change \
     the list, $null goes back to the template's.",
)
.many()
.binds(Binds::Power);

/// The pools of a role.
pub const CONFIG_SCOPES: Parameter = Parameter::new(
    "ConfigScopes",
    Kind::Modification,
    "The pools that it reaches: global, site:NAME or pool:FQDN.",
)
.many()
.binds(Binds::Power);

/// The users of a role.
pub const USER_SCOPES: Parameter = Parameter::new(
    "UserScopes",
    Kind::Modification,
    "The receivers, partners and senders that it reaches: global, domain:DOMAIN or user:ADDRESS.",
)
.many()
.binds(Binds::Power);

/// The limits of a role.
pub const PARAMETER_LIMITS: Parameter = Parameter::new(
    "ParameterLimits",
    Kind::Any,
    "Which values a parameter may have: @{Cmdlet=…; Parameter=…; Values=…}, or Pattern=… for a regular \
     expression that the whole value must match. No values forbid the parameter. @{Add=…}, @{Remove=…} and \
     @{Replace=…} change the list, $null empties it.",
)
.many()
.sets("limit")
.binds(Binds::Power);

/// The scripts of a role.
pub const SCRIPT_MODULES: Parameter = Parameter::new(
    "ScriptModules",
    Kind::Modification,
    "The scripts of the library that its holders may run: NAME.rhai, or NAME.rhai:FUNCTION for one function.",
)
.many()
.binds(Binds::Power);

/// The limits of its sessions.
pub const SESSION_LIMITS: Parameter = Parameter::new(
    "SessionLimits",
    Kind::Any,
    "What a delegated session of its holders may use up: @{sessions=2; memory_mib=64}. Get-Help about_Roles lists \
     them; $null sets all of them back.",
)
.binds(Binds::Power);

/// The purpose of a role.
pub const DESCRIPTION: Parameter =
    Parameter::new("Description", Kind::Text, "What it is for.").sets("description");

/// The role as it would be: `current` with what was given, or a new one over a template.
///
/// # Errors
/// An argument that cannot be used: a name that does not exist, a text that is no scope.
pub fn wanted(
    bound: &BoundArguments,
    current: Option<&RoleDefinition>,
    known: &Catalogue,
    topology: &Topology,
) -> Result<RoleDefinition, ErrorRecord> {
    let mut role = match current {
        Some(current) => current.clone(),
        None => template(bound)?,
    };
    if let Some(value) = bound.value("Cmdlets") {
        let from_template = known.cmdlets_of(role.template);
        cmdlets(&mut role, &from_template, change(value)?.read(&|item| cmdlet(item, known))?);
    }
    if let Some(value) = bound.value("ConfigScopes") {
        // A pool's other names mean the pool here too.
        let identity = |scope: ConfigScope| match &scope {
            ConfigScope::Pool(name) => match topology.canonical_pool(name.as_str()) {
                Some(pool) => ConfigScope::Pool(pool.identity.clone()),
                None => scope,
            },
            ConfigScope::Global | ConfigScope::Site(_) => scope,
        };
        role.config_scopes = scopes("ConfigScopes", &role.config_scopes, value, identity)?;
    }
    if let Some(value) = bound.value("UserScopes") {
        role.user_scopes = scopes("UserScopes", &role.user_scopes, value, |scope: UserScope| scope)?;
    }
    if let Some(value) = bound.value("ParameterLimits") {
        role.limits = limits(&role.limits, value, known)?;
    }
    if let Some(value) = bound.value("ScriptModules") {
        let wanted = change(value)?.read(&|item| script_module(item))?;
        role.script_modules = wanted.applied(&role.script_modules, Clone::clone);
    }
    if let Some(value) = bound.value("SessionLimits") {
        session_limits(&mut role.session, value)?;
    }
    if let Some(text) = bound.text("Description") {
        role.description = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    Ok(role)
}

/// The settings to write, so that `before` becomes `after`; without a `before`, everything that is not the
/// default of a new role.
pub fn settings(before: Option<&RoleDefinition>, after: &RoleDefinition) -> Vec<(&'static str, NewValue)> {
    let mut settings = Vec::new();
    let names = |list: &[CmdletName]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let list = |items: Vec<String>| if items.is_empty() { NewValue::Default } else { NewValue::List(items) };
    let mut set = |key, is_same: bool, setting: NewValue| {
        if !is_same && (before.is_some() || setting != NewValue::Default) {
            settings.push((key, setting));
        }
    };
    let is_same = |same: fn(&RoleDefinition, &RoleDefinition) -> bool| before.is_some_and(|b| same(b, after));
    set("template", before.is_some(), NewValue::Text(after.template.name().to_owned()));
    set(
        "cmdlets",
        is_same(|b, a| b.cmdlets == a.cmdlets),
        after.cmdlets.as_deref().map_or(NewValue::Default, |list| NewValue::List(names(list))),
    );
    set("add_cmdlets", is_same(|b, a| b.add_cmdlets == a.add_cmdlets), list(names(&after.add_cmdlets)));
    let removed = list(names(&after.remove_cmdlets));
    set("remove_cmdlets", is_same(|b, a| b.remove_cmdlets == a.remove_cmdlets), removed);
    // Scopes are always written out: without the key a role would reach everything.
    let texts = after.config_scopes.iter().map(ToString::to_string).collect();
    set("config_scopes", is_same(|b, a| b.config_scopes == a.config_scopes), NewValue::List(texts));
    let texts = after.user_scopes.iter().map(ToString::to_string).collect();
    set("user_scopes", is_same(|b, a| b.user_scopes == a.user_scopes), NewValue::List(texts));
    let limits = match after.limits.as_slice() {
        [] => NewValue::Default,
        limits => NewValue::Limits(limits.to_vec()),
    };
    set("limit", is_same(|b, a| b.limits == a.limits), limits);
    let modules = list(after.script_modules.iter().map(ToString::to_string).collect());
    set("script_modules", is_same(|b, a| b.script_modules == a.script_modules), modules);
    for limit in &limits::SESSION_LIMITS {
        let most = after.session.written(limit.limited);
        let is_same = before.is_some_and(|before| before.session.written(limit.limited) == most);
        set(limit.key, is_same, most.map_or(NewValue::Default, NewValue::Number));
    }
    let description = after.description.clone().map_or(NewValue::Default, NewValue::Text);
    set("description", is_same(|b, a| b.description == a.description), description);
    settings
}

/// A limit as a record, which `-ParameterLimits` takes as it is.
pub fn limit_record(limited: &LimitedParameter) -> Record {
    let (values, pattern) = match &limited.limit {
        Limit::Values(values) => (Value::texts(values.iter().map(String::as_str)), Value::Null),
        Limit::Pattern(pattern) => (Value::Null, Value::text(pattern.as_str())),
    };
    Record::new("ParameterLimit")
        .with("Cmdlet", limited.cmdlet.as_str())
        .with("Parameter", limited.parameter.as_str())
        .with("Values", values)
        .with("Pattern", pattern)
}

/// The limits as a record, each by its key, those of the defaults too.
pub fn session_record(session: &SessionLimits) -> Record {
    limits::SESSION_LIMITS.iter().fold(Record::new("SessionLimits"), |record, limit| {
        record.with(limit.key, i64::from(session.get(limit.limited)))
    })
}

/// Changes the limits that are named.
fn session_limits(session: &mut SessionLimits, value: &Value) -> Result<(), ErrorRecord> {
    let Some(named) = value.as_record() else {
        *session = SessionLimits::default();
        return match matches!(value, Value::Null) {
            true => Ok(()),
            false => Err(wrong("SessionLimits", "is no map").remedy("Write @{sessions=2; memory_mib=64}.")),
        };
    };
    for (name, most) in named.iter() {
        let limit = limits::SESSION_LIMITS.iter().find(|limit| limit.key.eq_ignore_ascii_case(name));
        let Some(limit) = limit else {
            let keys = limits::SESSION_LIMITS.iter().map(|limit| limit.key);
            let near = nearest(name, keys).map_or_else(String::new, |near| format!("Did you mean {near}?"));
            return Err(wrong("SessionLimits", &format!("there is no limit '{name}'")).remedy(near));
        };
        if matches!(most, Value::Null) {
            session.set(limit.limited, None);
            continue;
        }
        let number = most.to_string().parse().ok().filter(|number| limit.bounds.contains(number));
        let number = number.ok_or_else(|| {
            let (least, most) = (limit.bounds.start(), limit.bounds.end());
            wrong("SessionLimits", &format!("{} is a whole number between {least} and {most}", limit.key))
        })?;
        session.set(limit.limited, Some(number));
    }
    Ok(())
}

/// A new role: the template's cmdlets, everywhere.
fn template(bound: &BoundArguments) -> Result<RoleDefinition, ErrorRecord> {
    let identity = bound.text("Identity").unwrap_or_default().trim().to_owned();
    if identity.is_empty() || identity.len() > MAX_NAME || identity.chars().any(char::is_control) {
        return Err(wrong("Identity", "a role has a name of one line, up to 64 letters"));
    }
    if BuiltIn::named(&identity).is_some() {
        return Err(wrong("Identity", &format!("{identity} is a built-in role"))
            .remedy("Give the new role a name of its own."));
    }
    let written = bound.text("Template").unwrap_or_default();
    let template = written.parse().map_err(|fault| wrong("Template", &format!("{fault}")))?;
    Ok(RoleDefinition {
        identity,
        template,
        cmdlets: None,
        add_cmdlets: Vec::new(),
        remove_cmdlets: Vec::new(),
        config_scopes: vec![ConfigScope::Global],
        user_scopes: vec![UserScope::Global],
        limits: Vec::new(),
        script_modules: Vec::new(),
        session: SessionLimits::default(),
        description: None,
    })
}

/// A list, or what to do to one.
enum ListChange<T> {
    Replace(Vec<T>),
    Items { add: Vec<T>, remove: Vec<T> },
    Clear,
}

/// Reads `@{Add=…; Remove=…}`, `@{Replace=…}`, a plain list, or null.
fn change(value: &Value) -> Result<ListChange<Value>, ErrorRecord> {
    let Some(record) = value.as_record().filter(|record| record.names().any(is_modifier)) else {
        let is_cleared = matches!(value, Value::Null);
        return Ok(if is_cleared {
            ListChange::Clear
        } else {
            ListChange::Replace(value.clone().into_elements())
        });
    };
    if let Some(other) = record.names().find(|name| !is_modifier(name)) {
        let message = format!("A change of a list has no '{other}'.");
        return Err(ErrorRecord::new(Category::InvalidArgument, "BadModification", message)
            .remedy("Write @{Add=…}, @{Remove=…}, @{Replace=…}."));
    }
    let items = |name: &str| record.get(name).cloned().map(Value::into_elements).unwrap_or_default();
    if record.get("Replace").is_ok() {
        if record.names().count() > 1 {
            let message = "A list is replaced or changed, not both.";
            return Err(ErrorRecord::new(Category::InvalidArgument, "BadModification", message)
                .remedy("Give Replace alone, or Add and Remove."));
        }
        return Ok(ListChange::Replace(items("Replace")));
    }
    Ok(ListChange::Items { add: items("Add"), remove: items("Remove") })
}

fn is_modifier(name: &str) -> bool {
    ["add", "remove", "replace"].contains(&name.to_ascii_lowercase().as_str())
}

impl ListChange<Value> {
    fn read<T>(self, one: &dyn Fn(&Value) -> Result<T, ErrorRecord>) -> Result<ListChange<T>, ErrorRecord> {
        let all = |items: Vec<Value>| items.iter().map(one).collect::<Result<Vec<T>, _>>();
        Ok(match self {
            Self::Replace(items) => ListChange::Replace(all(items)?),
            Self::Items { add, remove } => ListChange::Items { add: all(add)?, remove: all(remove)? },
            Self::Clear => ListChange::Clear,
        })
    }
}

impl<T: Clone> ListChange<T> {
    /// The list after the change, each item once.
    fn applied<K: Ord>(self, list: &[T], key: impl Fn(&T) -> K) -> Vec<T> {
        let (mut after, mut known) = (Vec::new(), BTreeSet::new());
        let mut push = |items: Vec<T>| after.extend(items.into_iter().filter(|item| known.insert(key(item))));
        match self {
            Self::Clear => {}
            Self::Replace(items) => push(items),
            Self::Items { add, remove } => {
                let gone: BTreeSet<_> = remove.iter().map(&key).collect();
                let stays = |item: &&T| !gone.contains(&key(item));
                push(list.iter().filter(stays).cloned().collect());
                push(add);
            }
        }
        after
    }
}

/// Cmdlets are added to and removed from the list that there is: the role's own, or the template's.
fn cmdlets(role: &mut RoleDefinition, from_template: &[CmdletName], change: ListChange<CmdletName>) {
    let (add, remove) = match change {
        ListChange::Clear => {
            (role.cmdlets, role.add_cmdlets, role.remove_cmdlets) = (None, Vec::new(), Vec::new());
            return;
        }
        ListChange::Replace(list) => {
            let list = ListChange::Replace(list).applied(&[], Clone::clone);
            (role.cmdlets, role.add_cmdlets, role.remove_cmdlets) = (Some(list), Vec::new(), Vec::new());
            return;
        }
        ListChange::Items { add, remove } => (add, remove),
    };
    let start = role.cmdlets.clone().unwrap_or_else(|| from_template.to_vec());
    for cmdlet in remove {
        role.add_cmdlets.retain(|other| *other != cmdlet);
        if start.contains(&cmdlet) && !role.remove_cmdlets.contains(&cmdlet) {
            role.remove_cmdlets.push(cmdlet);
        }
    }
    for cmdlet in add {
        role.remove_cmdlets.retain(|other| *other != cmdlet);
        if !start.contains(&cmdlet) && !role.add_cmdlets.contains(&cmdlet) {
            role.add_cmdlets.push(cmdlet);
        }
    }
}

/// A cmdlet by any of its names.
fn cmdlet(written: &Value, known: &Catalogue) -> Result<CmdletName, ErrorRecord> {
    let written = written.to_string();
    let found = known.find(written.trim()).and_then(|description| description.name.parse().ok());
    found.ok_or_else(|| {
        let remedy = match known.nearest(&written) {
            Some(near) => format!("Did you mean {near}?"),
            None => "Name each cmdlet in full; patterns are not taken.".to_owned(),
        };
        wrong("Cmdlets", &format!("there is no cmdlet '{written}'")).remedy(remedy)
    })
}

fn scopes<T>(
    parameter: &str,
    current: &[T],
    value: &Value,
    as_listed: impl Fn(T) -> T,
) -> Result<Vec<T>, ErrorRecord>
where
    T: std::str::FromStr + Clone + Ord,
    T::Err: std::fmt::Display,
{
    let one = |item: &Value| match item.to_string().parse() {
        Ok(scope) => Ok(as_listed(scope)),
        Err(fault) => Err(wrong(parameter, &format!("{fault}"))),
    };
    let after = change(value)?.read(&one)?.applied(current, Clone::clone);
    if after.is_empty() {
        return Err(wrong(parameter, "a role without any scope would reach nothing")
            .remedy("Write what it shall reach instead: @{Replace=…}; \"global\" for everything."));
    }
    Ok(after)
}

fn limits(
    current: &[LimitedParameter],
    value: &Value,
    known: &Catalogue,
) -> Result<Vec<LimitedParameter>, ErrorRecord> {
    let key = |limited: &LimitedParameter| (limited.cmdlet.clone(), limited.parameter.to_ascii_lowercase());
    Ok(match change(value)? {
        ListChange::Clear => Vec::new(),
        ListChange::Items { add, remove } => {
            // An item to remove is named by cmdlet and parameter alone.
            let named = |item: &Value| named_limit(item, known);
            let gone = ListChange::Items { add: Vec::new(), remove }.read(&named)?;
            let full = ListChange::Items { add, remove: Vec::new() }.read(&|item| limit(item, known))?;
            // One that is added takes the place of an earlier one of the same parameter.
            let ListChange::Items { add, .. } = full else { return Ok(current.to_vec()) };
            let rest = gone.applied(current, key);
            ListChange::Items { remove: add.clone(), add }.applied(&rest, key)
        }
        all @ ListChange::Replace(_) => all.read(&|item| limit(item, known))?.applied(&[], key),
    })
}

/// A limit with its values or its pattern.
fn limit(item: &Value, known: &Catalogue) -> Result<LimitedParameter, ErrorRecord> {
    let mut limited = named_limit(item, known)?;
    let property = |name: &str| item.property(name).ok().filter(|value| !matches!(value, Value::Null));
    limited.limit = match (property("Values"), property("Pattern")) {
        (Some(values), None) => Limit::Values(values.into_elements().iter().map(Value::to_string).collect()),
        (None, Some(pattern)) => {
            let pattern: LimitPattern =
                pattern.to_string().parse().map_err(|fault| wrong("ParameterLimits", &format!("{fault}")))?;
            Limit::Pattern(pattern)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(wrong("ParameterLimits", "a limit has either Values or a Pattern")
                .remedy("Write @{Cmdlet=…; Parameter=…; Values=…}, or Pattern=… in place of Values=…."));
        }
    };
    Ok(limited)
}

/// A limit that allows nothing, by its cmdlet and its parameter.
fn named_limit(item: &Value, known: &Catalogue) -> Result<LimitedParameter, ErrorRecord> {
    let form = || {
        wrong("ParameterLimits", "a limit is a map with Cmdlet and Parameter")
            .remedy("Write @{Cmdlet=\"Test-XmppIM\"; Parameter=\"Body\"; Values=\"one\",\"two\"}.")
    };
    let record = item.as_record().ok_or_else(form)?;
    const NAMES: [&str; 4] = ["Cmdlet", "Parameter", "Values", "Pattern"];
    if let Some(other) = record.names().find(|name| !NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))) {
        return Err(wrong("ParameterLimits", &format!("a limit has no '{other}'")).remedy(
            match nearest(other, NAMES) {
                Some(near) => format!("Did you mean {near}?"),
                None => "It has Cmdlet, Parameter, and Values or Pattern.".to_owned(),
            },
        ));
    }
    let cmdlet = cmdlet(record.get("Cmdlet").map_err(|_| form())?, known)?;
    let written = record.get("Parameter").map_err(|_| form())?.to_string();
    let written = written.trim().trim_start_matches('-');
    // Aliases and short forms are taken, and written out: the gate compares full names.
    let description = known.find(cmdlet.as_str());
    let parameter =
        description.and_then(|description| description.parameter(written).ok()).ok_or_else(|| {
            wrong("ParameterLimits", &format!("{cmdlet} has no parameter -{written}"))
                .remedy(format!("Run Get-Help {cmdlet} -Full to see its parameters."))
        })?;
    Ok(LimitedParameter { cmdlet, parameter: parameter.name.to_owned(), limit: Limit::Values(Vec::new()) })
}

/// A script of the library, or one function of it.
fn script_module(item: &Value) -> Result<ScriptModule, ErrorRecord> {
    item.to_string().parse().map_err(|fault: ScriptModuleFault| {
        wrong("ScriptModules", &format!("'{}' names no script of the library", fault.written))
            .remedy("Write NAME.rhai, or NAME.rhai:FUNCTION, without a directory.")
    })
}

fn wrong(parameter: &str, clause: &str) -> ErrorRecord {
    let id = "ParameterArgumentValidationError";
    ErrorRecord::new(Category::InvalidArgument, id, format!("-{parameter}: {clause}."))
}

const MAX_NAME: usize = 64;
