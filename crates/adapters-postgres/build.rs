//! Has the crate compiled again when a migration is added: they are embedded, and cargo looks at sources only.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
