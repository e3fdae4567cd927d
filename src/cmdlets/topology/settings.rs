//! The parts that the cmdlets for making and changing tables of the topology have in common, beside the schema.

use crate::address::Address;
use crate::call::Call;
use crate::call::change::setting;
use crate::cmdlet::{Binds, Kind, Parameter};
use crate::topology::edit::{Fault, NewValue};

/// The account that tests of a pool are sent from, as the original names it.
pub const FIRST_TEST_USER: Parameter =
    Parameter::new("FirstTestUserSipUri", Kind::Address, "The account that tests of the pool are sent from.")
        .binds(Binds::Endpoint)
        .sets("test_users");

/// The account that answers them.
pub const SECOND_TEST_USER: Parameter = Parameter::new(
    "SecondTestUserSipUri",
    Kind::Address,
    "Another account of the pool, which answers where a test needs two.",
)
.binds(Binds::Endpoint)
.sets("test_users");

/// The first account's name in the original's directory.
pub const FIRST_ACCOUNT_NAME: Parameter = Parameter::foreign("FirstTestSamAccountName", ACCOUNT_NAME);

/// The second one's.
pub const SECOND_ACCOUNT_NAME: Parameter = Parameter::foreign("SecondTestSamAccountName", ACCOUNT_NAME);

const ACCOUNT_NAME: &str = "the name to log on with is kept with the password, by Set-TestUserCredential";

/// The one configuration of the gateway.
pub const GLOBAL: Parameter =
    Parameter::new("Identity", Kind::Choice(&["global"]), "There is one configuration, called global.")
        .at(0)
        .default("global");

/// The parameter that every `New-` cmdlet has in the original and none has here.
pub const IN_MEMORY: Parameter =
    Parameter::foreign("InMemory", "the topology is one file, and nothing is made that is not in it");

/// The parameter that every `Set-` cmdlet has in the original and none has here.
pub const INSTANCE: Parameter =
    Parameter::foreign("Instance", "give what is to change by its own parameter, or pipe the record in");

/// Returns the settings of a call: the keys of the document and their new values.
pub fn given(call: &Call) -> Vec<(&'static str, NewValue)> {
    let of = |own: &Parameter| Some((own.sets?, setting(own, call.bound.value(own.name)?)));
    call.description.parameters.iter().filter_map(of).collect()
}

/// The accounts at the first places of a pool's list after a call of `New-` or `Set-`; null takes one
/// out. An account that is in the list already changes places with the one that it follows.
///
/// # Errors
/// The second one is the first one already: another account would send, and nobody has asked for that.
pub fn test_users(call: &Call, before: &[Address]) -> Result<Vec<String>, Fault> {
    let mut places: Vec<Option<String>> = before.iter().map(|user| Some(user.sip())).collect();
    for (place, parameter) in ["FirstTestUserSipUri", "SecondTestUserSipUri"].into_iter().enumerate() {
        let Some(value) = call.bound.value(parameter) else { continue };
        let wanted = value.as_text().map(|user| format!("sip:{user}"));
        if places.len() <= place {
            places.resize(place + 1, None);
        }
        let before = std::mem::replace(&mut places[place], wanted.clone());
        let other =
            (0..places.len()).find(|other| *other != place && wanted.is_some() && places[*other] == wanted);
        match (other, value.as_text()) {
            (Some(0), Some(user)) => return Err(Fault::FirstTestUser(user.to_owned())),
            (Some(other), _) => places[other] = before,
            (None, _) => {}
        }
    }
    Ok(places.into_iter().flatten().collect())
}
