use config::Source;

use super::{Profile, shipped};

#[test]
fn shipped_profiles_read_and_name_themselves() {
    for (id, _) in shipped() {
        let profile = Profile::load(id).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(profile.head.id, id);
        assert!(profile.entries().all(|entry| !entry.sources.is_empty()));
    }
}

fn refusal(text: &str) -> String {
    Profile::from_source(&Source::from_text("p.toml", text)).map(|_| ()).unwrap_err().to_string()
}
