//! The single parts of imsh for the tests and benches of this repository, under their own paths.
//!
//! No other program should use it: the names change whenever the code does. An item that stands neither here
//! nor in the facade of `lib.rs`, and that nothing uses, is reported by the compiler.

pub mod access {
    pub use crate::access::{BuiltIn, Principal};

    pub mod audit {
        pub use crate::access::audit::{AuditLog, verify};
    }
}

pub mod address {
    pub use crate::address::Address;
}

pub mod call {
    pub use crate::call::{
        BoundArguments, Cmdlet, Confirmation, Halt, Lenders, NoAnswer, Nobody, Operator, Progress,
        SessionContext,
    };

    pub mod stores {
        pub use crate::call::stores::{TopologyStore, VaultStore};
    }
}

pub mod cmdlet {
    pub use crate::cmdlet::{
        Argument, Arguments, Binds, Catalogue, Description, ErrorRecord, Family, Impact, Kind, Need,
        Parameter, Position,
    };

    pub mod parameter {
        pub use crate::cmdlet::parameter::NoParameter;
    }
}

pub mod cmdlets {
    pub use crate::cmdlets::{ALL, catalogue};

    pub mod verify {

        pub mod test_federated_partner {
            pub use crate::cmdlets::verify::test_federated_partner::CMDLET;
        }

        pub mod verifying {
            pub use crate::cmdlets::verify::guesses::Guesses;
            pub use crate::cmdlets::verify::verifying::{WAITING, report};
        }
    }
}

pub mod diagnosis {
    pub use crate::diagnosis::{Context, Finding, Given, Owner, SentStanza, diagnose};

    pub mod beside {
        pub use crate::diagnosis::beside::{
            certificate_ends, far_too_slow, partners_certificate_ends, ping_refused, revised, slow,
        };
    }

    pub mod catalogue {
        pub use crate::diagnosis::catalogue::{catalogue, entry};
    }

    pub mod connect {
        pub use crate::diagnosis::connect::passed_over;
    }

    pub mod deliver {
        pub use crate::diagnosis::deliver::doubts;
    }

    pub mod look {
        pub use crate::diagnosis::look::{Asking, finding, of_single_servers};
    }

    pub mod secure {
        pub use crate::diagnosis::secure::servers_only;
    }
}

pub mod host {
    pub use crate::host::{Gate, Host, Stage};

    pub mod bind {
        pub use crate::host::bind::bind;
    }
}

pub mod lab {
    pub use crate::lab::{Exercise, Lab, PARTNERS, POOLS, exercises};

    pub mod behaviour {
        pub use crate::lab::behaviour::StanzaBehaviour;
    }

    pub mod dns {
        pub use crate::lab::dns::{LabNameServer, Zone};
    }
}

pub mod render {
    pub use crate::render::{Colour, Format, Renderer, render};

    pub mod log {
        pub use crate::render::log::{html, text, xml};
    }

    pub mod visible {
        pub use crate::render::visible::is_hostile;
    }

    pub mod wrap {
        pub use crate::render::wrap::columns;
    }
}

pub mod result {
    pub use crate::result::{Report, TestOutcome};
}

pub mod script {

    pub mod check {
        pub use crate::script::check::check;
    }

    pub mod language {
        pub use crate::script::language::{ReadText, ReadingContext, caret, lower_in, read};

        pub mod complete {
            pub use crate::script::language::complete::{CompletionOrigin, WantedKind, complete};
        }

        pub mod highlight {
            pub use crate::script::language::highlight::classify;
        }

        pub mod source_map {
            pub use crate::script::language::source_map::Span;
        }

        pub mod tree {
            pub use crate::script::language::tree::{
                Inside, Name, Operation, Piece, StatementBlock, TextPart, span_of,
            };
        }
    }

    pub mod operators {
        pub use crate::script::operators::read_operators;
    }
}

pub mod secret {
    pub use crate::secret::{Credential, Secret};
}

pub mod store {
    pub use crate::store::{
        Channel, Claim, Lease, NewResult, PairName, Planned, PostgresOptions, ResultFilter, RollupSpan,
        Store, StoredOutcome,
    };

    pub mod plan {
        pub use crate::store::plan::{claim, expire, plan};
    }

    pub mod query {
        pub use crate::store::query::{forget, results, states, trend};
    }

    pub mod record {
        pub use crate::store::record::record;
    }
}

pub mod topology {
    pub use crate::topology::{AuditTable, Evidence, Security, Server, TlsNegotiation, Topology};

    pub mod sample {
        pub use crate::topology::sample::document;
    }

    pub mod schema {
        pub use crate::topology::schema::TABLES;
    }

    pub mod setting {
        pub use crate::topology::setting::Table;
    }
}

pub mod value {
    pub use crate::value::{Block, BlockError, Record, Value};
}

pub mod vault {
    pub use crate::vault::{StoredCredential, Vault};
}

pub mod verify {
    pub use crate::verify::{Batch, Plan, TestResult};

    pub mod batch {
        pub use crate::verify::batch::Logon;
    }

    pub mod outcome {
        pub use crate::verify::outcome::Verdict;
    }

    pub mod partner {
        pub use crate::verify::partner::{Inspection, LookTest, Lookout};
    }

    pub mod ping {
        pub use crate::verify::ping::{Ping, PingPlan, Pinged, Pinger, run};
    }

    pub mod plan {
        pub use crate::verify::plan::{Ask, Planner, deadlines, plan_logon};
    }

    pub mod registration {
        pub use crate::verify::registration::{Registrar, Registration, RegistrationTest};
    }

    pub mod schedule {
        pub use crate::verify::schedule::{
            Attempted, History, Judged, Places, Schedule, ScheduledTest, Turn, run,
        };
    }

    pub mod sessions {
        pub use crate::verify::sessions::{End, Sessions};
    }
}

pub mod xmpp {
    pub use crate::xmpp::{Deadlines, Fault, LogonRequest, Phase, PoolName, connect};

    pub mod bind {
        pub use crate::xmpp::bind::{Fault, bind};
    }

    pub mod certificate {
        pub use crate::xmpp::certificate::{
            CaFileFault, CertificateFault, CertificateIdentity, CertificateName, CertificateReport,
            CertificateRole, KeyPurpose,
        };
    }

    pub mod condition {
        pub use crate::xmpp::condition::{
            SaslCondition, ScramCondition, StanzaCondition, StanzaError, StreamCondition,
        };
    }

    pub mod deliver {
        pub use crate::xmpp::deliver::{
            Bounce, DeliveryRequest, ErrorOrigin, Fault, Fence, FenceKind, OpenDoubt, Order, Party, deliver,
        };
    }

    pub mod dns {
        pub use crate::xmpp::dns::Query;
    }

    pub mod federation {
        pub use crate::xmpp::federation::{
            Dialback, ProbeReport, ProbeRequest, ProbeTarget, ServerOffer, ServerProbe, look,
        };
    }

    pub mod message {
        pub use crate::xmpp::message::{Fault, TestMessage, answer, is_live};
    }

    pub mod network {
        pub use crate::xmpp::network::{Network, Trust};
    }

    pub mod offline {
        pub use crate::xmpp::offline::Offline;
    }

    pub mod resolve {
        pub use crate::xmpp::resolve::{
            Endpoint, Fault, Leads, PoolQuery, Target, TargetOrigin, TlsStart, partner, pool,
        };
    }

    pub mod sasl {
        pub use crate::xmpp::sasl::{
            Authentication, Fault, KeyCache, Login, Mechanism, PlainPassword, Prepared, SaslStep, Unusable,
            authenticate,
        };

        pub mod mechanism {
            pub use crate::xmpp::sasl::mechanism::ChannelBinding;
        }

        pub mod scram {
            pub use crate::xmpp::sasl::scram::{Fault, ScramHash};
        }
    }

    pub mod secure {
        pub use crate::xmpp::secure::{
            CertificateFault, CertificateName, ChannelBindings, ClientCertificate, Fault, Handshake, Shown,
            TlsParameters, VerifiedTls, look, verify,
        };
    }

    pub mod session {
        pub use crate::xmpp::session::{Upkeep, XmppSession};
    }

    pub mod stream {
        pub use crate::xmpp::stream::{Authenticated, Fault, Plain, Secured, Stream};
    }

    pub mod trace {
        pub use crate::xmpp::trace::{Fact, SoftwareBasis, Trace, TraceObserver};
    }

    pub mod xml {
        pub use crate::xmpp::xml::{Element, Fault, Node, PassedOver, StreamReader, Violation, XmlFrame};

        pub mod ns {
            pub use crate::xmpp::xml::ns::{
                BIND, CLIENT, DELAY, HINTS, PROBE, RECEIPTS, SASL, STANZA_ERRORS, STREAMS,
            };
        }
    }
}
