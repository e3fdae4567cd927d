//! The cmdlets that the corpus is read against; a corpus must not change with every new cmdlet.

use imsh::internals::cmdlet::{Catalogue, Description, Family, Impact, Kind, Parameter};

const fn cmdlet(
    name: &'static str,
    original: Option<&'static str>,
    aliases: &'static [&'static str],
    parameters: &'static [Parameter],
) -> Description {
    Description {
        name,
        original,
        aliases,
        family: Family::Shell,
        synopsis: "",
        description: "",
        parameters,
        emits: "",
        roles: &[],
        impact: Impact::None,
        examples: &[],
    }
}

const fn parameter(name: &'static str, kind: Kind) -> Parameter {
    Parameter::new(name, kind, "")
}

static CMDLETS: &[Description] = &[
    cmdlet(
        "Test-XmppIM",
        Some("Test-CsXmppIM"),
        &[],
        &[
            parameter("TargetFqdn", Kind::Pool).aliases(&["t"]).many().required().at(0),
            parameter("Receiver", Kind::Address).many().required().at(1),
            parameter("UserSipAddress", Kind::Address).aliases(&["ua"]),
            parameter("UserCredential", Kind::Credential).aliases(&["uc"]),
            parameter("RegistrarPort", Kind::Integer(1, 65535)).aliases(&["rp"]),
            parameter("Authentication", Kind::Choice(&["Negotiate", "ClientCertificate"])).aliases(&["Ath"]),
            parameter("Body", Kind::Text),
            parameter("Timeout", Kind::Duration),
            parameter("ThrottleLimit", Kind::Integer(1, 1000)),
            parameter("FreshLogon", Kind::Switch),
        ],
    ),
    cmdlet("Get-Credential", None, &[], &[parameter("UserName", Kind::Text).at(0)]),
    cmdlet("Get-AdminRole", Some("Get-CsAdminRole"), &[], &[parameter("Identity", Kind::Role).at(0)]),
    cmdlet(
        "Get-Pool",
        Some("Get-CsPool"),
        &[],
        &[parameter("Identity", Kind::Pool).many().at(0), parameter("Site", Kind::Site)],
    ),
    cmdlet(
        "New-XmppAllowedPartner",
        Some("New-CsXmppAllowedPartner"),
        &[],
        &[
            parameter("Domain", Kind::Domain).required().at(0),
            parameter("AdditionalDomains", Kind::Domain).many(),
            parameter("Description", Kind::Text),
        ],
    ),
    cmdlet(
        "Where-Object",
        None,
        &["?", "where"],
        &[
            parameter("FilterScript", Kind::Property).at(0),
            parameter("Value", Kind::Any).at(1),
            parameter("EQ", Kind::Switch),
            parameter("NE", Kind::Switch),
            parameter("GT", Kind::Switch),
            parameter("Like", Kind::Switch),
            parameter("Match", Kind::Switch),
            parameter("Not", Kind::Switch),
        ],
    ),
    cmdlet(
        "ForEach-Object",
        None,
        &["%", "foreach"],
        &[
            parameter("Process", Kind::Block).at(0),
            parameter("Parallel", Kind::Block),
            parameter("ThrottleLimit", Kind::Integer(1, 1000)),
        ],
    ),
    cmdlet(
        "Select-Object",
        None,
        &["select"],
        &[
            parameter("Property", Kind::Property).many().at(0),
            parameter("First", Kind::Integer(0, i64::MAX)),
            parameter("Unique", Kind::Switch),
        ],
    ),
    cmdlet(
        "Sort-Object",
        None,
        &["sort"],
        &[parameter("Property", Kind::Property).many().at(0), parameter("Descending", Kind::Switch)],
    ),
    cmdlet(
        "Format-Table",
        None,
        &["ft"],
        &[parameter("Property", Kind::Property).many().at(0), parameter("AutoSize", Kind::Switch)],
    ),
    cmdlet("Format-List", None, &["fl"], &[parameter("Property", Kind::Property).many().at(0)]),
    cmdlet(
        "Write-Host",
        None,
        &[],
        &[parameter("Object", Kind::Any).many().at(0), parameter("NoNewline", Kind::Switch)],
    ),
    cmdlet("Write-Warning", None, &[], &[parameter("Message", Kind::Text).at(0)]),
    cmdlet(
        "Get-Help",
        None,
        &["help"],
        &[parameter("Name", Kind::Cmdlet).at(0), parameter("Full", Kind::Switch)],
    ),
    cmdlet("Get-History", None, &["h"], &[]),
    cmdlet(
        "Out-File",
        None,
        &[],
        &[parameter("FilePath", Kind::File).at(0), parameter("Append", Kind::Switch)],
    ),
];

/// What an administrator may run.
pub fn catalogue() -> Catalogue {
    Catalogue::new(CMDLETS)
}

/// What a help desk may run: nothing that tests.
pub fn small_catalogue() -> Catalogue {
    Catalogue::new(CMDLETS.iter().filter(|description| description.name != "Test-XmppIM"))
}
