//! How long a healthy pair waits beside a dead partner, on the practice network: from the start of a batch to the
//! result of the healthy receiver, which stands behind all the others in the list. It should not depend on
//! how many receivers the dead partner has.

#![expect(clippy::expect_used, reason = "a benchmark has nobody to hand an error to")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

mod hosted;

use hosted::Hosted;
use imsh::internals::cmdlet::Arguments;
use imsh::internals::lab::Lab;
use imsh::internals::value::Value;
use tokio::runtime::Runtime;

const HEALTHY: &str = "adelany@contoso.com";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let lab = runtime.block_on(Lab::start()).expect("the practice network");
    let host = Hosted::on(lab.topology(), lab.vault().to_owned());
    for n_dead in [0, 60, 600] {
        let dead = (0..n_dead).map(|n| format!("r{n}@silent.contoso.com"));
        let receivers: Vec<String> = dead.chain([HEALTHY.to_owned()]).collect();
        let arguments = Arguments::none()
            .with("TargetFqdn", "atl-cs-001.litwareinc.com")
            .with("Receiver", Value::texts(receivers))
            .with("Timeout", "6s");
        let waited = runtime.block_on(host.time_to(arguments, "Receiver", HEALTHY));
        println!("beside {n_dead:3} receivers of a dead partner: {waited:.1?}");
    }
}
