//! Completion: cmdlets, their parameters, and values that the topology knows.
//!
//! The language determines what could stand at the cursor; this module names the matching candidates. Offers only
//! what the principal may run and see: the catalogue and the topology are the principal's own.

use std::sync::Arc;

use reedline::{CompletionResult, Span, Suggestion};

use crate::call::SessionContext;
use crate::call::files::in_context;
use crate::cmdlet::{Binds, Catalogue, Description, Kind, Parameter};
use crate::cmdlets::shell::help::about::TOPICS;
use crate::cmdlets::topology::{get_pool, get_xmpp_allowed_partner};
use crate::diagnosis::catalogue::catalogue;
use crate::front::start::Started;
use crate::render::view;
use crate::script::language::ReadingContext;
use crate::script::language::complete::{CompletionOrigin, CompletionRequest, WantedKind, complete};
use crate::topology::{SettingsTable as _, Topology};
use crate::xmpp::sasl::Mechanism;

/// Completes what is typed in a session.
pub struct Completer {
    started: Arc<Started>,
}

impl Completer {
    /// The completer of a session.
    pub fn new(started: Arc<Started>) -> Self {
        Self { started }
    }

    /// Returns the candidates for what could stand at the end of `text`.
    fn candidates(&self, text: &str, wanted: &CompletionRequest) -> Vec<CompletionCandidate> {
        match &wanted.kind {
            WantedKind::Command { piped } => {
                let mut found = cmdlets(&self.started.host.catalogue());
                found.extend(self.own_aliases());
                // Behind a pipe there can be a cmdlet only; on an empty line a variable is in the way.
                if !piped && wanted.span.start < wanted.span.end {
                    found.extend(self.variables());
                    found.extend(self.own_functions());
                    // The cmdlets as functions, where one is begun.
                    if wanted.span.of(text).contains('_') {
                        found.extend(functions(&self.started.host.catalogue()));
                    }
                }
                found
            }
            WantedKind::Parameter { cmdlet, given } => parameters(cmdlet, given),
            WantedKind::Value { cmdlet, parameter: Some(parameter), quote } => {
                let values = if parameter.kind == Kind::File {
                    self.files(wanted.span.of(text).trim_start_matches(['"', '\'']))
                } else if parameter.kind == Kind::Property {
                    self.properties_of(wanted.origin.as_ref())
                } else {
                    self.values(cmdlet, parameter)
                };
                values.into_iter().map(|value| value.quoted(*quote)).collect()
            }
            WantedKind::Value { cmdlet, parameter: None, quote: None } => {
                // No value belongs here: what could follow is another parameter.
                match self.wanted(&format!("{text}-")).kind {
                    WantedKind::Parameter { cmdlet, given } => parameters(cmdlet, &given),
                    WantedKind::Command { .. }
                    | WantedKind::Value { .. }
                    | WantedKind::Variable
                    | WantedKind::Property { .. }
                    | WantedKind::Nothing => parameters(cmdlet, &[]),
                }
            }
            WantedKind::Variable => self.variables(),
            WantedKind::Property { of } if matches!(of.to_lowercase().as_str(), "$_" | "$psitem") => {
                self.properties_of(wanted.origin.as_ref())
            }
            WantedKind::Property { of } => self.properties(of),
            WantedKind::Value { parameter: None, quote: Some(_), .. } | WantedKind::Nothing => Vec::new(),
        }
    }

    /// The completions at the end of `text`.
    fn wanted(&self, text: &str) -> CompletionRequest {
        let catalogue = self.started.host.catalogue();
        let names = self.started.session.names();
        let setting = ReadingContext {
            variables: &names.variables(),
            functions: &names.functions,
            types: &[],
            ..ReadingContext::new(&catalogue)
        };
        complete(text, text.len(), &setting)
    }

    fn variables(&self) -> Vec<CompletionCandidate> {
        let variables = self.started.session.names().variables;
        variables.into_iter().map(|(name, _)| CompletionCandidate::of(name)).collect()
    }

    /// The functions of the session's own, by their names as commands.
    fn own_functions(&self) -> Vec<CompletionCandidate> {
        let functions = self.started.session.names().functions;
        functions.iter().map(|function| CompletionCandidate::of(function.name.clone())).collect()
    }

    /// The aliases of the session's own.
    fn own_aliases(&self) -> Vec<CompletionCandidate> {
        let aliases = self.started.host.context().aliases.list();
        let described = |(name, cmdlet): (String, &'static str)| CompletionCandidate {
            description: Some(format!("Alias of {cmdlet}.")),
            ..CompletionCandidate::of(name)
        };
        aliases.into_iter().map(described).collect()
    }

    /// The properties of records that come from there.
    fn properties_of(&self, origin: Option<&CompletionOrigin>) -> Vec<CompletionCandidate> {
        match origin {
            Some(CompletionOrigin::Type(name)) => self.properties_of_type(name),
            Some(CompletionOrigin::Variable(name)) => self.properties(name),
            None => Vec::new(),
        }
    }

    /// The properties of a type: all where the topology has a record of it, else those of its view.
    fn properties_of_type(&self, name: &str) -> Vec<CompletionCandidate> {
        let host = &self.started.host;
        let record = match name {
            "Pool" => {
                let topology = host.visible_topology(&get_pool::CMDLET.description);
                topology.pools.first().map(|pool| pool.record("Pool"))
            }
            "XmppAllowedPartner" => {
                let topology = host.visible_topology(&get_xmpp_allowed_partner::CMDLET.description);
                topology.partners.iter().flatten().next().map(|partner| partner.record("XmppAllowedPartner"))
            }
            _ => None,
        };
        let names: Vec<String> = match &record {
            Some(record) => record.names().map(str::to_owned).collect(),
            None => view::properties(name).into_iter().map(str::to_owned).collect(),
        };
        names.into_iter().map(CompletionCandidate::of).collect()
    }

    /// The properties of a variable, or of an element of it.
    fn properties(&self, written: &str) -> Vec<CompletionCandidate> {
        let variable = written.trim_start_matches('$').split('[').next().unwrap_or("");
        let variables = self.started.session.names().variables;
        let found = variables.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(variable));
        found
            .map(|(_, properties)| properties)
            .unwrap_or_default()
            .into_iter()
            .map(CompletionCandidate::of)
            .collect()
    }

    /// Files; of those of the account that it runs as, a delegate is told nothing.
    fn files(&self, typed: &str) -> Vec<CompletionCandidate> {
        let context = self.started.host.context();
        match &context.drive {
            Some(drive) => {
                let entries = drive.entries().unwrap_or_default().into_iter();
                entries.map(|entry| CompletionCandidate::of(entry.name)).collect()
            }
            None if self.started.host.is_administrator() => files(context, typed),
            None => Vec::new(),
        }
    }

    /// Values for a parameter.
    fn values(&self, description: &'static Description, parameter: &Parameter) -> Vec<CompletionCandidate> {
        let topology = self.started.host.visible_topology(description);
        let of = |names: Vec<String>| names.into_iter().map(CompletionCandidate::of).collect();
        // The topology shows more than may be given: not every test user of a pool may be sent to.
        let allowed = |names| of(self.started.host.allowed(description, parameter, names));
        match parameter.kind {
            Kind::Choice(words) => {
                words.iter().map(|word| CompletionCandidate::of((*word).to_owned())).collect()
            }
            Kind::Pool => allowed(topology.pools.iter().map(|pool| pool.identity.to_string()).collect()),
            Kind::Site => allowed(topology.sites().into_iter().map(ToOwned::to_owned).collect()),
            Kind::Address => allowed(addresses(&topology)),
            Kind::Domain => allowed(
                topology.partners.iter().flatten().map(|partner| partner.domain.to_string()).collect(),
            ),
            Kind::Role => of(roles(&topology)),
            Kind::Member => of(members(&topology)),
            Kind::Principal => of(principals(&topology)),
            Kind::Modification if parameter.binds == Binds::Power => match parameter.name {
                "Cmdlets" => cmdlets(&self.started.host.catalogue()),
                "ConfigScopes" => of(config_scopes(&topology)),
                "UserScopes" => of(user_scopes(&topology)),
                _ => Vec::new(),
            },
            Kind::Cmdlet => cmdlets(&self.started.host.catalogue()),
            Kind::HelpPage => {
                let topics = TOPICS.iter().map(|topic| CompletionCandidate::of(topic.name.to_owned()));
                let codes = catalogue().iter().map(|entry| CompletionCandidate::of(entry.code.to_owned()));
                cmdlets(&self.started.host.catalogue()).into_iter().chain(topics).chain(codes).collect()
            }
            Kind::Variable => self.variables(),
            Kind::Text if parameter.name == "Authentication" => of(authentications()),
            Kind::Text
            | Kind::File
            | Kind::Switch
            | Kind::Integer(..)
            | Kind::Duration
            | Kind::Credential
            | Kind::Block
            | Kind::Map
            | Kind::Property
            | Kind::Modification
            | Kind::Any
            | Kind::Foreign => Vec::new(),
        }
    }
}

impl reedline::Completer for Completer {
    fn complete(&mut self, line: &str, cursor: usize) -> CompletionResult {
        let text = line.get(..cursor).unwrap_or(line);
        let wanted = self.wanted(text);
        let typed = wanted.span.of(text).to_lowercase();
        let mut fits = self.candidates(text, &wanted);
        fits.retain(|candidate| candidate.begins_with(&typed));
        fits.sort_by(|a, b| a.value.cmp(&b.value));
        fits.dedup_by(|a, b| a.value == b.value);
        let suggestions: Vec<Suggestion> = fits
            .into_iter()
            .map(|candidate| Suggestion {
                value: candidate.value,
                description: candidate.description,
                span: Span::new(wanted.span.start, wanted.span.end),
                append_whitespace: candidate.is_whole,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// Something that could be typed.
struct CompletionCandidate {
    value: String,
    description: Option<String>,
    /// Whether nothing goes on behind it: not so behind the name of a directory.
    is_whole: bool,
}

impl CompletionCandidate {
    fn of(value: String) -> Self {
        Self { value, description: None, is_whole: true }
    }

    /// As it can be typed in a command line: in the quote that is open, or in quotes where a blank
    /// or the like would end it.
    fn quoted(self, open: Option<char>) -> Self {
        let needs_quotes = self.value.contains([' ', '\'', '"', '$', ';', '|', ',', '(', ')', '{', '}', '`']);
        let mut value = match open {
            Some('"') if !self.value.contains(['"', '$', '`']) => format!("\"{}\"", self.value),
            None if !needs_quotes => self.value,
            Some(_) | None => format!("'{}'", self.value.replace('\'', "''")),
        };
        if !self.is_whole && value.ends_with(['"', '\'']) {
            value.pop();
        }
        Self { value, ..self }
    }

    /// Whether it goes on where `typed` (in small letters) stops; quotes need not be typed.
    fn begins_with(&self, typed: &str) -> bool {
        let value = self.value.to_lowercase();
        let bare = |text: &str| text.trim_start_matches(['"', '\'']).to_owned();
        value.starts_with(typed) || bare(&value).starts_with(&bare(typed))
    }
}

fn cmdlets(catalogue: &Catalogue) -> Vec<CompletionCandidate> {
    catalogue
        .iter()
        .map(|own| CompletionCandidate {
            value: own.name.to_owned(),
            description: Some(own.synopsis.to_owned()),
            is_whole: true,
        })
        .collect()
}

/// The parameters that have not been given yet.
fn parameters(cmdlet: &Description, given: &[&str]) -> Vec<CompletionCandidate> {
    cmdlet
        .every_parameter()
        .filter(|parameter| !given.contains(&parameter.name) && parameter.kind != Kind::Foreign)
        .map(|parameter| CompletionCandidate {
            value: format!("-{}", parameter.name),
            description: Some(parameter.help.to_owned()),
            is_whole: true,
        })
        .collect()
}

fn addresses(topology: &Topology) -> Vec<String> {
    let users = topology.pools.iter().flat_map(|pool| &pool.test_users);
    let receivers = topology.partners.iter().flatten().flat_map(|partner| &partner.receivers);
    users.chain(receivers).map(ToString::to_string).collect()
}

fn principals(topology: &Topology) -> Vec<String> {
    topology.access.iter().flat_map(|access| &access.principals).map(|entry| entry.name.clone()).collect()
}

fn members(topology: &Topology) -> Vec<String> {
    let assigned = topology.access.iter().flat_map(|access| &access.assignments);
    let assigned = assigned.flat_map(|assignment| &assignment.members).map(ToString::to_string);
    let listed = principals(topology).into_iter().map(|name| format!("principal:{name}"));
    let forms = ["os-user:", "os-group:", "principal:"].map(str::to_owned);
    assigned.chain(listed).chain(forms).collect()
}

fn config_scopes(topology: &Topology) -> Vec<String> {
    let sites = topology.sites().into_iter().map(|site| format!("site:{site}"));
    let pools = topology.pools.iter().map(|pool| format!("pool:{}", pool.identity));
    ["global".to_owned()].into_iter().chain(sites).chain(pools).collect()
}

fn user_scopes(topology: &Topology) -> Vec<String> {
    let own = topology.pools.iter().flat_map(|pool| &pool.domains);
    let partners = topology.partners.iter().flatten();
    let partners =
        partners.flat_map(|partner| [&partner.domain].into_iter().chain(&partner.additional_domains));
    let domains = own.chain(partners).map(|domain| format!("domain:{domain}"));
    let users = addresses(topology).into_iter().map(|address| format!("user:{address}"));
    ["global".to_owned()].into_iter().chain(domains).chain(users).collect()
}

fn roles(topology: &Topology) -> Vec<String> {
    let custom = topology.access.iter().flat_map(|access| &access.roles).map(|role| role.identity.clone());
    let built_in = crate::access::BuiltIn::ALL.iter().map(|role| role.name().to_owned());
    built_in.chain(custom).collect()
}

/// The cmdlets by the names of their functions.
fn functions(catalogue: &Catalogue) -> Vec<CompletionCandidate> {
    catalogue
        .iter()
        .map(|own| CompletionCandidate {
            description: Some(own.synopsis.to_owned()),
            ..CompletionCandidate::of(own.function_name())
        })
        .collect()
}

/// The values of `-Authentication`.
fn authentications() -> Vec<String> {
    let general = ["Negotiate", "ClientCertificate"].map(str::to_owned);
    general.into_iter().chain(Mechanism::ALL.map(|mechanism| mechanism.name().to_owned())).collect()
}

/// The files whose names go on where `typed` stops, which may name a directory; hidden ones where
/// the dot is typed.
fn files(context: &SessionContext, typed: &str) -> Vec<CompletionCandidate> {
    let (below, begun) = typed.rfind('/').map_or(("", typed), |slash| typed.split_at(slash + 1));
    let entries = std::fs::read_dir(in_context(context, below)).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && !begun.starts_with('.') {
            continue;
        }
        // A symbolic link counts as its target.
        let is_directory = entry.path().is_dir();
        let slash = if is_directory { "/" } else { "" };
        found.push(CompletionCandidate {
            is_whole: !is_directory,
            ..CompletionCandidate::of(format!("{below}{name}{slash}"))
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::front::cli::Cli;
    use crate::front::start::start;

    #[test]
    fn a_value_is_quoted_where_a_blank_would_end_it_and_as_the_author_began() {
        let quoted = |value: &str, open| CompletionCandidate::of(value.to_owned()).quoted(open).value;
        assert_eq!(quoted("atl-cs-001.litwareinc.com", None), "atl-cs-001.litwareinc.com");
        assert_eq!(quoted("Help Desk", None), "'Help Desk'");
        assert_eq!(quoted("O'Hara", None), "'O''Hara'");
        assert_eq!(quoted("atl", Some('"')), "\"atl\"");
        assert_eq!(quoted("a$b", Some('"')), "'a$b'");
        assert_eq!(quoted("atl", Some('\'')), "'atl'");
    }

    #[test]
    fn what_needs_quotes_is_found_without_typing_them() {
        let candidate = CompletionCandidate::of("Help Desk".to_owned()).quoted(None);
        assert!(candidate.begins_with("help"));
        assert!(candidate.begins_with("'help"));
        assert!(!candidate.begins_with("desk"));
    }

    const TOPOLOGY: &str = r#"
        [[pool]]
        identity = "a.litwareinc.com"
        domains = ["litwareinc.com"]
        test_users = ["ann@litwareinc.com"]
        [[partner]]
        domain = "contoso.com"
        receivers = ["adelany@contoso.com"]
        [[partner]]
        domain = "fabrikam.com"
        receivers = ["kim@fabrikam.com"]
        [access]
        [[access.role]]
        identity = "Desk"
        template = "ServerAdministrator"
        config_scopes = ["pool:a.litwareinc.com"]
        user_scopes = ["domain:contoso.com"]
        [[access.role.limit]]
        cmdlet = "Test-FederatedPartner"
        parameter = "TargetFqdn"
        values = []
        [[access.assignment]]
        role = "Desk"
        members = ["os-user:USER"]"#;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_role_does_not_reach_is_not_offered() {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
        let folder = tempfile::tempdir().unwrap();
        let topology = folder.path().join("topology.toml");
        std::fs::write(&topology, TOPOLOGY.replace("USER", &user)).unwrap();
        let cli = Cli::parse_from(["imsh".as_ref(), "--topology".as_ref(), topology.as_os_str()]);
        let started = start(&cli.session, "shell", Vec::new(), None).await.unwrap();
        let mut completer = Completer::new(Arc::new(started));
        for (typed, wanted) in [
            ("Test-XmppIM -Receiver ", &["adelany@contoso.com"][..]),
            ("Test-XmppIM -UserSipAddress ", &["adelany@contoso.com"]),
            ("Set-TestUserCredential -SipAddress ", &["ann@litwareinc.com"]),
            ("Test-XmppIM -TargetFqdn ", &["a.litwareinc.com"]),
            ("Test-FederatedPartner -TargetFqdn ", &[]),
            ("Test-FederatedPartner -Domain ", &["contoso.com"]),
        ] {
            let offered = reedline::Completer::complete(&mut completer, typed, typed.len());
            let offered: Vec<&str> = offered.suggestions().iter().map(|one| one.value.as_str()).collect();
            assert_eq!(offered, wanted, "{typed}");
        }
    }

    #[test]
    fn a_parameter_is_offered_once() {
        let cmdlet = &crate::cmdlets::ALL
            .iter()
            .find(|own| own.description.name == "Test-XmppIM")
            .unwrap()
            .description;
        let offered = parameters(cmdlet, &["TargetFqdn"]);
        assert!(offered.iter().any(|candidate| candidate.value == "-Receiver"));
        assert!(offered.iter().all(|candidate| candidate.value != "-TargetFqdn"));
    }
}
