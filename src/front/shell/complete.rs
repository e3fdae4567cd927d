//! Completion: cmdlets, their parameters, and values that the topology knows.
//!
//! Offers only what the principal may run and see: the catalogue and the topology are the
//! principal's own.

use std::ops::Range;
use std::sync::Arc;

use reedline::{CompletionResult, Span, Suggestion};

use crate::cmdlet::{Catalogue, Description, Kind, Parameter};
use crate::cmdlets::help::about::TOPICS;
use crate::front::start::Started;
use crate::topology::Topology;

/// Completes what is typed in a session.
pub struct Completer {
    started: Arc<Started>,
}

impl Completer {
    /// The completer of a session.
    pub fn new(started: Arc<Started>) -> Self {
        Self { started }
    }

    /// What could stand in the place of the word before the cursor.
    fn candidates(&self, line: &str, word: &Range<usize>) -> Vec<Candidate> {
        let typed = &line[word.clone()];
        let catalogue = self.started.host.catalogue();
        if let Some(name) = typed.strip_prefix('$') {
            let (variable, property) =
                name.split_once('.').map_or((name, None), |(name, rest)| (name, Some(rest)));
            return self.variables(variable, property.is_some());
        }
        let Some((description, given)) = command_before(line, word.start, &catalogue) else {
            return cmdlets(&catalogue);
        };
        let previous = given.last().and_then(|last| last.strip_prefix('-'));
        let named = previous.and_then(|name| description.parameter(name).ok());
        match named.filter(|parameter| parameter.kind != Kind::Switch) {
            Some(parameter) => self.values(description, parameter),
            None if typed.starts_with('-') => parameters(description, &given),
            None => match next_positional(description, &given) {
                Some(parameter) => self.values(description, parameter),
                None => parameters(description, &given),
            },
        }
    }

    /// Variables of the session, or the properties of one.
    fn variables(&self, name: &str, wants_property: bool) -> Vec<Candidate> {
        let variables = self.started.session.variables();
        if wants_property {
            let found = variables.iter().find(|(variable, _)| variable.eq_ignore_ascii_case(name));
            let properties = found.map(|(_, properties)| properties.as_slice()).unwrap_or_default();
            return properties.iter().map(|property| Candidate::of(format!("${name}.{property}"))).collect();
        }
        variables.iter().map(|(variable, _)| Candidate::of(format!("${variable}"))).collect()
    }

    /// Values for a parameter.
    fn values(&self, description: &'static Description, parameter: &Parameter) -> Vec<Candidate> {
        let topology = self.started.host.visible_topology(description);
        let of = |names: Vec<String>| names.into_iter().map(Candidate::of).collect();
        match parameter.kind {
            Kind::Choice(words) => words.iter().map(|word| Candidate::of((*word).to_owned())).collect(),
            Kind::Pool => of(topology.pools.iter().map(|pool| pool.identity.to_string()).collect()),
            Kind::Site => of(topology.sites().into_iter().map(quoted).collect()),
            Kind::Address => of(addresses(&topology)),
            Kind::Domain => {
                of(topology.partners.iter().flatten().map(|partner| partner.domain.to_string()).collect())
            }
            Kind::Role => of(roles(&topology)),
            Kind::Cmdlet => {
                let topics = TOPICS.iter().map(|topic| Candidate::of(topic.name.to_owned()));
                cmdlets(&self.started.host.catalogue()).into_iter().chain(topics).collect()
            }
            Kind::Variable => {
                of(self.started.session.variables().into_iter().map(|(name, _)| name).collect())
            }
            Kind::File => of(files(&self.started.host.world().directory)),
            Kind::Text
            | Kind::Switch
            | Kind::Integer(..)
            | Kind::Duration
            | Kind::Credential
            | Kind::Block
            | Kind::Map
            | Kind::Property
            | Kind::Modification
            | Kind::Any => Vec::new(),
        }
    }
}

impl reedline::Completer for Completer {
    fn complete(&mut self, line: &str, cursor: usize) -> CompletionResult {
        let line = line.get(..cursor).unwrap_or(line);
        let word = words(line).last().filter(|word| word.end == line.len()).unwrap_or(line.len()..line.len());
        let typed = line[word.clone()].to_lowercase();
        let mut fits: Vec<Candidate> = self.candidates(line, &word);
        fits.retain(|candidate| candidate.value.to_lowercase().starts_with(&typed));
        fits.sort_by(|a, b| a.value.cmp(&b.value));
        fits.dedup_by(|a, b| a.value == b.value);
        let suggestions: Vec<Suggestion> = fits
            .into_iter()
            .map(|candidate| Suggestion {
                value: candidate.value,
                description: candidate.description,
                span: Span::new(word.start, word.end),
                append_whitespace: true,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// Something that could be typed.
struct Candidate {
    value: String,
    description: Option<String>,
}

impl Candidate {
    fn of(value: String) -> Self {
        Self { value, description: None }
    }
}

fn cmdlets(catalogue: &Catalogue) -> Vec<Candidate> {
    catalogue
        .iter()
        .map(|own| Candidate { value: own.name.to_owned(), description: Some(own.synopsis.to_owned()) })
        .collect()
}

/// The parameters that have not been given yet.
fn parameters(description: &Description, given: &[String]) -> Vec<Candidate> {
    let is_given = |parameter: &Parameter| {
        given.iter().any(|word| {
            word.strip_prefix('-')
                .and_then(|name| description.parameter(name).ok())
                .is_some_and(|own| own.name == parameter.name)
        })
    };
    description
        .every_parameter()
        .filter(|parameter| !is_given(parameter))
        .map(|parameter| Candidate {
            value: format!("-{}", parameter.name),
            description: Some(parameter.help.to_owned()),
        })
        .collect()
}

/// The positional parameter that the next argument without a name is for.
fn next_positional(description: &'static Description, given: &[String]) -> Option<&'static Parameter> {
    let mut n_places = 0;
    let mut named = Vec::new();
    let mut is_value = false;
    for word in given {
        match word.strip_prefix('-').and_then(|name| description.parameter(name).ok()) {
            Some(parameter) => {
                named.push(parameter.name);
                is_value = parameter.kind != Kind::Switch;
            }
            None if is_value => is_value = false,
            None => n_places += 1,
        }
    }
    let mut free: Vec<&'static Parameter> = description
        .parameters
        .iter()
        .filter(|parameter| parameter.position.is_some() && !named.contains(&parameter.name))
        .collect();
    free.sort_by_key(|parameter| parameter.position);
    free.get(n_places).copied()
}

fn addresses(topology: &Topology) -> Vec<String> {
    let users = topology.pools.iter().flat_map(|pool| &pool.test_users);
    let receivers = topology.partners.iter().flatten().flat_map(|partner| &partner.receivers);
    users.chain(receivers).map(ToString::to_string).collect()
}

fn roles(topology: &Topology) -> Vec<String> {
    let custom = topology.access.iter().flat_map(|access| &access.roles).map(|role| role.identity.clone());
    let built_in = crate::access::BuiltIn::ALL.iter().map(|role| role.name().to_owned());
    built_in.chain(custom).map(|name| quoted(&name)).collect()
}

fn files(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| quoted(&entry.file_name().to_string_lossy())).collect()
}

/// A value as it can be typed: in quotes where a blank would end it.
fn quoted(value: &str) -> String {
    if value.contains([' ', '\'', '"', '$', ';', '|']) {
        format!("'{}'", value.replace('\'', "''"))
    } else {
        value.to_owned()
    }
}

/// The command in whose arguments the byte `at` stands, and the words between.
fn command_before(
    line: &str,
    at: usize,
    catalogue: &Catalogue,
) -> Option<(&'static Description, Vec<String>)> {
    let mut found: Option<(&'static Description, Vec<String>)> = None;
    let mut end = 0;
    for word in words(&line[..at]) {
        let between = &line[end..word.start];
        end = word.end;
        if between.contains(['|', ';', '\n', '{', '}', '(', ')', '=']) {
            found = None;
        }
        let text = &line[word];
        match (&mut found, catalogue.find(text)) {
            (None, Some(description)) => found = Some((description, Vec::new())),
            (None, None) => {}
            (Some((_, given)), _) => given.push(text.to_owned()),
        }
    }
    let behind = &line[end..at];
    found.filter(|_| !behind.contains(['|', ';', '\n', '{', '}', '(', ')', '=']))
}

/// The words of a line: runs without blanks and brackets, and texts in quotes.
pub fn words(line: &str) -> impl Iterator<Item = Range<usize>> {
    let mut words = Vec::new();
    let mut letters = line.char_indices().peekable();
    while let Some((start, letter)) = letters.next() {
        let ends_word = |letter: char| letter.is_whitespace() || "|;{}(),=".contains(letter);
        if ends_word(letter) {
            continue;
        }
        if line[start..].starts_with("//") {
            words.push(start..line.len());
            break;
        }
        let mut end = start + letter.len_utf8();
        if "\"'`".contains(letter) {
            for (at, next) in letters.by_ref() {
                end = at + next.len_utf8();
                if next == letter {
                    break;
                }
            }
        } else {
            while let Some((at, next)) = letters.next_if(|(_, next)| !ends_word(*next)) {
                end = at + next.len_utf8();
            }
        }
        words.push(start..end);
    }
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlets::ALL;

    fn catalogue() -> Catalogue {
        Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description))
    }

    fn found(line: &str) -> Option<(&'static str, Vec<String>)> {
        command_before(line, line.len(), &catalogue()).map(|(description, given)| (description.name, given))
    }

    #[test]
    fn words_are_cut_at_blanks_brackets_and_quotes() {
        let line = r#"$x = Get-Pool "a b" | ft -Wrap // end"#;
        let cut: Vec<&str> = words(line).map(|word| &line[word]).collect();
        assert_eq!(cut, ["$x", "Get-Pool", "\"a b\"", "ft", "-Wrap", "// end"]);
    }

    #[test]
    fn the_command_before_the_cursor_is_found_across_quotes_and_pipes() {
        assert_eq!(found("Get-Pool "), Some(("Get-Pool", vec![])));
        assert_eq!(found("Get-Pool | "), None);
        assert_eq!(
            found("for p in Get-Pool { Test-CsXmppIM -TargetFqdn \"a | b\" "),
            Some(("Test-XmppIM", vec!["-TargetFqdn".to_owned(), "\"a | b\"".to_owned()]))
        );
        assert_eq!(found("let x = 3; "), None);
    }

    #[test]
    fn the_next_argument_without_a_name_goes_to_the_next_free_place() {
        let description = catalogue().find("Test-XmppIM").unwrap();
        let next = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
            next_positional(description, &given).map(|parameter| parameter.name)
        };
        assert_eq!(next(&[]), Some("TargetFqdn"));
        assert_eq!(next(&["pool"]), Some("Receiver"));
        assert_eq!(next(&["-TargetFqdn", "pool"]), Some("Receiver"));
        assert_eq!(next(&["pool", "a@b"]), None);
    }
}
