use super::*;
use crate::cmdlet::{Family, Impact, Position};

const DESCRIPTION: &Description = &Description {
    name: "Test-Thing",
    original: None,
    aliases: &[],
    family: Family::Verify,
    synopsis: "",
    description: "",
    parameters: &[
        Parameter::new("TargetFqdn", Kind::Pool, "A pool.").aliases(&["t"]).at(0).many().required(),
        Parameter::new("Receiver", Kind::Address, "An address.").at(1).many(),
        Parameter::new("Port", Kind::Integer(1, 65_535), "A port."),
        Parameter::new("Timeout", Kind::Duration, "A span of time."),
        Parameter::new("Level", Kind::Choice(&["Low", "High"]), "A level."),
        Parameter::new("Message", Kind::Text, "A text."),
        Parameter::new("Role", Kind::Role, "A role."),
        Parameter::new("Fast", Kind::Switch, "A switch."),
    ],
    emits: "",
    roles: &[],
    impact: Impact::None,
    examples: &[],
};

fn bound(arguments: Arguments) -> BoundArguments {
    bind(DESCRIPTION, arguments, false).unwrap()
}

fn refusal(arguments: Arguments) -> String {
    let error = bind(DESCRIPTION, arguments, false).unwrap_err();
    format!("{}: {} {}", error.id, error.message, error.remedy)
}

#[test]
fn names_aliases_prefixes_and_places_all_bind() {
    for arguments in [
        Arguments::none().with("TargetFqdn", "p").with("Receiver", "a@b.c"),
        Arguments::none().with("t", "p").with("rec", "sip:a@b.c"),
        Arguments::none().and("p").and("xmpp:a@b.c"),
        Arguments::none().with("target_fqdn", "p").with("receiver", "A@B.c"),
        Arguments::none().with("Receiver", "a@b.c").and("p"),
    ] {
        let bound = bound(arguments);
        assert_eq!(bound.texts("TargetFqdn"), ["p"]);
        assert_eq!(bound.texts("Receiver"), ["a@b.c"]);
    }
}

#[test]
fn values_are_converted_to_the_kind() {
    let bound = bound(
        Arguments::none()
            .and("p")
            .with("Port", "5222")
            .with("Timeout", "1m30s")
            .with("Level", "high")
            .switch("Fast"),
    );
    assert_eq!(bound.integer("Port"), Some(5222));
    assert_eq!(bound.duration("Timeout"), Some(Duration::from_secs(90)));
    assert_eq!(bound.text("Level").as_deref(), Some("High"));
    assert!(bound.switch("Fast"));
}

#[test]
fn a_record_stands_for_its_identity() {
    let pool = Value::from(Record::new("Pool").with("Identity", "p"));
    assert_eq!(bound(Arguments::none().and(Value::List(vec![pool]))).texts("TargetFqdn"), ["p"]);
}

#[test]
fn an_error_where_a_text_is_wanted_is_its_message_and_an_assignment_its_role() {
    let error = ErrorRecord::new(Category::ObjectNotFound, "NotFound", "There is no pool 'x'.");
    let assignment = Record::new("AdminRoleAssignment").with("Role", "Operators").with("Member", "user:kim");
    let role = Record::new("AdminRole").with("Identity", "Auditors");
    for (role, name) in [(assignment, "Operators"), (role, "Auditors")] {
        let given = Arguments::none().and("p").with("Role", Value::from(role));
        let bound = bound(given.with("Message", Value::from(Record::from(&error))));
        assert_eq!(bound.text("Message").as_deref(), Some("There is no pool 'x'."));
        assert_eq!(bound.text("Role").as_deref(), Some(name));
    }
}

#[test]
fn refusals_say_what_was_wrong_and_what_to_do() {
    let p = || Arguments::none().and("p");
    for (arguments, said) in [
        (
            Arguments::none(),
            "MissingMandatoryParameter: Test-Thing needs -TargetFqdn. Give -TargetFqdn: A pool.",
        ),
        (
            p().with("Prot", "1"),
            "NamedParameterNotFound: Test-Thing has no parameter -Prot. Did you mean -Port?",
        ),
        (
            p().with("Port", 0),
            "ParameterArgumentTransformationError: -Port cannot be 0: it lies between 1 and 65535. A port.",
        ),
        (
            p().with("Port", 65_536),
            "ParameterArgumentTransformationError: -Port cannot be 65536: it lies between 1 and 65535. A port.",
        ),
        (
            p().with("Level", "hihg"),
            "ParameterArgumentTransformationError: -Level cannot be 'hihg'; did you mean High?. A level.",
        ),
        (
            Arguments::none().and(Value::from(Record::new("ErrorRecord"))),
            "ParameterArgumentTransformationError: -TargetFqdn cannot be an ErrorRecord, which has no Identity. A pool.",
        ),
        (p().switch("Port"), "MissingArgument: -Port needs a value. A port."),
        (
            p().with("Port", 1).with("por", 2),
            "ParameterAlreadyBound: -Port is given twice. Give it once; several values go into one list: a,b.",
        ),
    ] {
        assert_eq!(refusal(arguments), said);
    }
}

#[test]
fn a_refusal_points_at_the_argument() {
    let position = Position { line: 3, column: 14 };
    let argument = Argument { name: Some("Prot".into()), value: None, position: Some(position) };
    let error = bind(DESCRIPTION, Arguments(vec![argument]), false).unwrap_err();
    assert_eq!(error.position, Some(position));
}
