//! Whether a secret may stand in a line that was typed.
//!
//! Says yes rather than no: a line that is kept is read by others one day, and one that is not kept
//! can be typed again. Knows the words that passwords stand behind, and the cmdlets that take them.

use crate::cmdlet::{Catalogue, Description, Family, Kind};
use crate::script::language::ReadingContext;
use crate::script::language::highlight::{TextClass, classify};

/// Whether a secret may stand in the line.
pub fn may_hold_secret(line: &str, catalogue: &Catalogue) -> bool {
    let folded = without_sources(line).to_lowercase();
    WORDS.iter().any(|word| folded.contains(word))
        || names_short_secret(&folded)
        || has_login_in_address(&folded)
        || is_given_to_credential_cmdlet(line, catalogue)
}

/// Words that a secret stands near, in some of the languages that administrators name variables in.
const WORDS: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "kennwort",
    "geheim",
    "wachtwoord",
    "contraseña",
    "parola",
    "motdepasse",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "asplaintext",
    "privatekey",
    "private_key",
    "private key",
    "bearer ",
];

/// Words that are secrets where they are the name of a variable, of a key or of a parameter.
const SHORT_WORDS: [&str; 8] = ["pw", "pwd", "pass", "pswd", "psw", "pin", "mdp", "auth"];

/// The line without what says where a password comes from: the name of a file is no secret.
fn without_sources(line: &str) -> String {
    let mut kept = Vec::new();
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        let folded = word.to_lowercase();
        if folded.starts_with("-frome") || folded.starts_with("-fromf") {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// `$pw = …`, `let db_pass = …`, `-Pin 1234`, `#{ pwd: "…" }`.
fn names_short_secret(folded: &str) -> bool {
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut rest = folded;
    while let Some(start) = rest.find(is_of_name) {
        let end =
            rest[start..].find(|letter| !is_of_name(letter)).map_or(rest.len(), |length| start + length);
        let name = &rest[start..end];
        let ends_so = name.split('_').any(|part| SHORT_WORDS.contains(&part))
            || SHORT_WORDS.iter().take(3).any(|word| name.ends_with(word) && rest[..start].ends_with('$'));
        if ends_so {
            let behind = rest[end..].trim_start();
            let is_assigned = behind.starts_with('=') && !behind.starts_with("==") || behind.starts_with(':');
            let is_parameter = rest[..start].ends_with(" -");
            if is_assigned || is_parameter {
                return true;
            }
        }
        rest = &rest[end..];
    }
    false
}

/// `https://name:password@host`.
fn has_login_in_address(folded: &str) -> bool {
    folded.split("://").skip(1).any(|behind| {
        let authority = behind.split(['/', ' ', '"', '\'']).next().unwrap_or("");
        authority.split_once('@').is_some_and(|(login, _)| login.contains(':'))
    })
}

/// Whether a cmdlet that deals with credentials is given what it has no parameter for: whoever writes
/// `Get-Credential kenmyer hunter2` has written a password. A name that is nearly such a cmdlet's counts.
fn is_given_to_credential_cmdlet(line: &str, catalogue: &Catalogue) -> bool {
    let mut cmdlet: Option<&Description> = None;
    let mut places = 0;
    let mut has_name = false;
    for (span, class) in classify(line, &ReadingContext::new(catalogue)) {
        let text = span.of(line);
        match class {
            TextClass::Cmdlet | TextClass::UnknownCmdlet => {
                let known = catalogue.find(text).or_else(|| catalogue.find(catalogue.nearest(text)?));
                cmdlet = known.filter(|own| own.family == Family::Credentials);
                places = cmdlet
                    .map_or(0, |own| own.parameters.iter().filter(|own| own.position.is_some()).count());
                has_name = false;
            }
            TextClass::Parameter => {
                let parameter = cmdlet.and_then(|own| own.parameter(text.trim_start_matches('-')).ok());
                has_name = parameter.is_none_or(|parameter| parameter.kind != Kind::Switch);
            }
            TextClass::UnknownParameter if cmdlet.is_some() => return true,
            TextClass::BareWord | TextClass::ShellText | TextClass::Constant | TextClass::RhaiText
                if cmdlet.is_some() =>
            {
                if std::mem::take(&mut has_name) {
                    continue;
                }
                let Some(left) = places.checked_sub(1) else { return true };
                places = left;
            }
            TextClass::Operator if text == "|" => cmdlet = None,
            TextClass::Variable if has_name => has_name = false,
            TextClass::UnknownParameter
            | TextClass::BareWord
            | TextClass::ShellText
            | TextClass::Constant
            | TextClass::RhaiText
            | TextClass::Operator
            | TextClass::Variable
            | TextClass::Rhai
            | TextClass::Keyword
            | TextClass::Comment => {}
        }
    }
    // As a function: `get_credential("kenmyer", "…")`.
    line.to_lowercase()
        .split("credential(")
        .skip(1)
        .any(|behind| behind.contains(',') && behind.contains('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlets::ALL;

    #[test]
    fn a_line_with_a_secret_is_known() {
        let catalogue = Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description));
        for line in [
            "$password = 'hunter2'",
            "New-Thing -Secret \"x\"",
            "Get-Credential kenmyer -Password hunter2",
            "Get-Credential kenmyer hunter2",
            "Get-Credential kenmyer 'hunter 2' | Set-TestUserCredential",
            "Get-Credentail kenmyer hunter2",
            "Get-Credential kenmyer -Pasword hunter2",
            "$c = Get-Credential -UserName kenmyer hunter2 hunter3",
            "get_credential(\"kenmyer\", \"hunter2\")",
            "$kennwort = ConvertTo-SecureString hunter4 -AsPlainText",
            "ConvertTo-SecureString x -AsPlainText",
            "$pw = \"hunter3\"",
            "$pw='hunter3'",
            "let db_pass = `hunter3`",
            "$dbpw = 'x'",
            "@{ user = 'kim'; pwd = 'hunter2' }",
            "#{ pass: \"hunter2\" }",
            "Connect-Thing kim -Pin 1234",
            "$url = 'https://kim:hunter2@example.com/x'",
            "Write-Host 'Authorization: Bearer eyJh'",
        ] {
            assert!(may_hold_secret(line, &catalogue), "{line}");
        }
    }

    #[test]
    fn what_holds_none_is_kept() {
        let catalogue = Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description));
        for line in [
            "Get-Pool",
            "Get-Help about_Quoting",
            "Get-Credential kenmyer",
            "$credential = Get-Credential \"litwareinc\\kenmyer\"",
            "Get-Credential kenmyer -FromEnvironment KENMYER_PASSWORD",
            "Get-Credential kenmyer -FromFile /run/secrets/kenmyer",
            "Get-Credential -UserName kenmyer -Verbose | Set-TestUserCredential kenmyer@litwareinc.com",
            "Set-TestUserCredential kenmyer@litwareinc.com $credential",
            "Write-Host \"did every test pass\"",
            "if passed == 3 { print(1) }",
            "Test-XmppIM sip:kim@litwareinc.com:5061 adelany@contoso.com",
            "let spin = 3",
            "compass = 4",
        ] {
            assert!(!may_hold_secret(line, &catalogue), "{line}");
        }
    }
}
