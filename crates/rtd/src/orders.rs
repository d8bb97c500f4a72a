//! Orders by hand as they come over the local socket: read, and answered in words.

use std::time::Duration;

use serde_json::{Value as Json, json};
use telemetry::{PointId, Value};

use crate::core::{Action, Operate, Way};

/// The words of the local socket that are orders.
pub(crate) const WORDS: [&str; 4] = ["force", "inhibit", "release", "control"];

/// Reads an order.
pub(crate) fn read(word: &str, request: &Json) -> Result<Operate, String> {
    let text = |name: &str| {
        let text = request.get(name).and_then(Json::as_str);
        text.ok_or_else(|| format!("`{word}` has a field `{name}`: a text"))
    };
    let lasts = || match request.get("for_s").and_then(Json::as_u64) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(format!("`{word}` has a field `for_s`: for how many seconds")),
    };
    let action = match word {
        "force" => Action::Force { value: value(request.get("value"))?, lasts: lasts()? },
        "inhibit" => Action::Inhibit { lasts: lasts()? },
        "control" => Action::Control(match text("way")? {
            "take" => Way::Take,
            "release" => Way::GiveBack,
            "local" => Way::Local,
            "schedule" => Way::Schedule,
            other => return Err(format!("`way` is `{other}`, allowed: take, release, local, schedule")),
        }),
        _ => Action::Release,
    };
    Ok(Operate {
        point: PointId::from(text("point")?),
        action,
        who: text("who")?.trim().into(),
        why: text("why")?.trim().into(),
    })
}

fn value(value: Option<&Json>) -> Result<Value, String> {
    match value {
        Some(Json::Bool(state)) => Ok(Value::Binary(*state)),
        Some(number) if number.is_number() => {
            number.as_f64().map(Value::Analog).ok_or_else(|| format!("`value` is {number}"))
        }
        _ => Err("`force` has a field `value`: a number, or true or false".to_owned()),
    }
}

/// What is answered to an order that was carried out.
pub(crate) fn done(operate: &Operate) -> Json {
    let (state, seconds) = match operate.action {
        Action::Force { lasts, .. } => ("forced", Some(lasts.as_secs())),
        Action::Inhibit { lasts } => ("inhibited", Some(lasts.as_secs())),
        Action::Release => ("released", None),
        Action::Control(way) => (way.words(), None),
    };
    json!({ "point": operate.point, "state": state, "for_s": seconds, "who": operate.who, "why": operate.why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_needs_who_why_and_how_long() {
        let whole = json!({"point": "a", "value": 1.5, "for_s": 60, "who": " ann ", "why": "test"});
        let order = read("force", &whole).unwrap();
        assert_eq!((&*order.who, &*order.why), ("ann", "test"));
        let lasts = Duration::from_secs(60);
        assert_eq!(order.action, Action::Force { value: Value::Analog(1.5), lasts });
        for field in ["point", "value", "for_s", "who", "why"] {
            let mut part = whole.clone();
            part.as_object_mut().unwrap().remove(field);
            assert!(read("force", &part).unwrap_err().contains(&format!("`{field}`")), "{field}");
        }
        assert_eq!(read("release", &whole).unwrap().action, Action::Release);
        let state = json!({"point": "a", "value": true, "for_s": 1, "who": "ann", "why": "test"});
        assert!(matches!(
            read("force", &state).unwrap().action,
            Action::Force { value: Value::Binary(true), .. }
        ));
    }
}
