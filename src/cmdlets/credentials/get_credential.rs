//! `Get-Credential`: a user name with a password that nobody can read back.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, NoAnswer, Outcome, files};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::secret::{Credential, Secret};
use crate::value::Value;

/// `Get-Credential`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Credential",
        original: None,
        aliases: &[],
        family: Family::Credentials,
        synopsis: "Asks for a user name and a password, and gives them as one object.",
        description: "With a name, it asks for the password only. The object goes to -UserCredential or -Credential; \
            its password is shown as ******** everywhere. Where no terminal is there to ask at, it is an error and \
            not a wait: give -FromEnvironment or -FromFile in scripts that run by themselves.",
        parameters: &[
            Parameter::new(
                "UserName",
                Kind::Text,
                "The name, such as kenmyer, litwareinc\\kenmyer or kenmyer@litwareinc.com.",
            )
            .aliases(&["Credential"])
            .at(0)
            .default("Asked for."),
            Parameter::new("Message", Kind::Text, "What is shown above the question."),
            Parameter::new(
                "FromEnvironment",
                Kind::Text,
                "The environment variable that holds the password.",
            )
            .binds(Binds::Endpoint),
            Parameter::new("FromFile", Kind::File, "The file whose first line is the password.").on_drive(),
        ],
        emits: "Credential",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "Takes the password from a variable of the environment",
            code: "Get-Credential kenmyer -FromEnvironment HOME",
            output: "\nUserName Password\n-------- --------\nkenmyer  ********\n\n",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let from_elsewhere = password_from_elsewhere(&call)?;
    let operator = call.streams.operator.clone();
    let (name, message) = (call.bound.text("UserName"), call.bound.text("Message"));
    // The question waits for a person; the runtime's other work goes on meanwhile.
    let credential = tokio::task::block_in_place(|| {
        let is_asking = from_elsewhere.is_none();
        if is_asking && let Some(message) = &message {
            operator.host(message);
        }
        let user_name = match name {
            Some(name) => name,
            None => operator.ask("User: ", &call.cancel)?,
        };
        let password = match from_elsewhere {
            Some(password) => password,
            None => operator.ask_secret(&format!("Password for user {user_name}: "))?,
        };
        Ok(Credential::new(user_name, password))
    });
    call.still_allowed()?;
    let credential = credential.map_err(|unanswered: NoAnswer| {
        unanswered.halt(|| {
            ErrorRecord::new(
                Category::ResourceUnavailable,
                "NonInteractive",
                "Get-Credential has to ask for a password, and there is no terminal to ask at.",
            )
            .remedy("Give -FromEnvironment NAME or -FromFile PATH with a user name.")
        })
    })?;
    if credential.user_name.trim().is_empty() {
        return Err(
            ErrorRecord::new(Category::InvalidArgument, "EmptyUserName", "The user name is empty.").into()
        );
    }
    call.emit(Value::Credential(credential)).await
}

/// The password, if a variable or a file has it.
fn password_from_elsewhere(call: &Call) -> Result<Option<Secret>, ErrorRecord> {
    if let Some(variable) = call.bound.text("FromEnvironment") {
        let value = (call.context.environment)(&variable).filter(|value| !value.is_empty());
        return value.map(|value| Some(Secret::new(value))).ok_or_else(|| {
            ErrorRecord::new(
                Category::ResourceUnavailable,
                "NoSuchVariable",
                format!("The environment has no variable {variable}, or it is empty."),
            )
            .target(variable)
        });
    }
    let Some(file) = call.bound.text("FromFile") else { return Ok(None) };
    let opened = files::opened(call, &file).map_err(|error| error.to_string());
    opened.and_then(Secret::first_line).map(Some).map_err(|problem| {
        ErrorRecord::new(Category::ReadError, "PasswordFile", format!("{file}: {problem}")).target(file)
    })
}
