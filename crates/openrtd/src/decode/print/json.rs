//! Items and findings as JSON objects.

use ieee1815::decode::explain::Finding;
use ieee1815::decode::{Block, Ends, Extent, FieldValue, Fragment, Frame, Hex, Item, Object, names};
use serde_json::{Value, json};

use super::{Source, stamp};

/// An object with what all have.
pub(super) fn record(source: &Source, kind: &str) -> Value {
    let mut value = json!({ "kind": kind });
    if let Some(packet) = source.packet {
        value["packet"] = packet.into();
    }
    if let Some(time) = source.time {
        value["time"] = stamp(time).into();
    }
    if let Some((from, to)) = source.ends {
        value["from"] = from.to_string().into();
        value["to"] = to.to_string().into();
        value["transport"] = source.transport.into();
    }
    value
}

fn hex(octets: &[u8]) -> Value {
    Hex(octets).to_string().into()
}

fn ends(value: &mut Value, ends: Ends) {
    value["source"] = ends.source.into();
    value["destination"] = ends.destination.into();
    value["from_master"] = ends.from_master.into();
}

pub(super) fn item(source: &Source, item: &Item) -> Value {
    match item {
        Item::Skipped { octets, reason } => {
            let mut value = record(source, "skipped");
            value["octets"] = hex(octets);
            value["reason"] = reason.code().into();
            value
        }
        Item::Frame(one) => frame(source, one),
        Item::Fragment(one) => fragment(source, one),
        Item::Dropped { ends: by, octets, reason } => {
            let mut value = record(source, "dropped");
            ends(&mut value, *by);
            value["octets"] = (*octets).into();
            value["reason"] = reason.code().into();
            value
        }
    }
}

pub(super) fn finding(source: &Source, finding: &Finding) -> Value {
    let mut value = record(source, "finding");
    value["grade"] = finding.grade.to_string().into();
    value["code"] = finding.code.into();
    value["text"] = finding.text.as_str().into();
    if let Some(whom) = finding.ends {
        ends(&mut value, whom);
    }
    value
}

fn frame(source: &Source, frame: &Frame) -> Value {
    let mut value = record(source, "frame");
    value["source"] = frame.source.into();
    value["destination"] = frame.destination.into();
    value["from_master"] = frame.from_master().into();
    value["control"] = frame.control.into();
    value["function"] = frame.function().into();
    value["function_name"] = frame.function_name().into();
    value["length"] = frame.length.into();
    value["blocks_good"] = frame.blocks.iter().map(|block| block.good).collect::<Vec<_>>().into();
    if let Some(layer) = frame.transport() {
        value["segment"] = json!({ "fir": layer.fir, "fin": layer.fin, "sequence": layer.sequence });
    }
    if let Some(reason) = frame.problem {
        value["reason"] = reason.code().into();
    }
    value
}

fn fragment(source: &Source, fragment: &Fragment) -> Value {
    let mut value = record(source, "fragment");
    ends(&mut value, fragment.ends);
    value["octets"] = hex(&fragment.octets);
    let application = match fragment.application() {
        Ok(application) => application,
        Err(reason) => {
            value["reason"] = reason.code().into();
            return value;
        }
    };
    let control = application.control;
    value["function"] = application.function.into();
    value["function_name"] = application.function_name().into();
    value["control"] = json!({ "fir": control.fir, "fin": control.fin, "con": control.con,
        "uns": control.uns, "sequence": control.sequence });
    if let Some(iin) = application.iin {
        value["iin"] = names::indications(iin).collect::<Vec<_>>().into();
    }
    if let Some(reason) = application.problem() {
        value["reason"] = reason.code().into();
    }
    let blocks: Vec<Value> = application
        .blocks()
        .map(|one| match one {
            Ok(one) => block(&one),
            Err(one) => json!({ "reason": one.reason.code(), "octets": hex(one.octets) }),
        })
        .collect();
    value["objects"] = blocks.into();
    value
}

fn block(block: &Block<'_>) -> Value {
    let mut value = json!({
        "group": block.group, "variation": block.variation, "qualifier": block.qualifier,
        "name": block.group_name(), "variation_name": block.variation_name(), "count": block.count(),
    });
    if let Extent::StartStop(start, stop) = block.extent {
        value["start"] = start.into();
        value["stop"] = stop.into();
    }
    if let Some(reason) = block.problem {
        value["reason"] = reason.code().into();
    }
    value["objects"] = block.objects().map(|one| object(&one)).collect::<Vec<_>>().into();
    value
}

fn object(object: &Object<'_>) -> Value {
    let mut value = json!({});
    if let Some(index) = object.index {
        value["index"] = index.into();
    }
    for field in &object.fields {
        let one = match field.value {
            FieldValue::State(state) => state.into(),
            FieldValue::Unsigned(number) => number.into(),
            FieldValue::Signed(number) => number.into(),
            // What JSON has no number for is told as text.
            FieldValue::Single(number) if number.is_finite() => number.into(),
            FieldValue::Double(number) if number.is_finite() => number.into(),
            FieldValue::Flags(kind, bits) => names::flags(kind, bits).collect::<Vec<_>>().into(),
            other => Value::String(other.to_string()),
        };
        match &mut value[field.name] {
            // The elements of a data set have one name.
            Value::Array(before) if matches!(field.value, FieldValue::Octets(_)) => before.push(one),
            before @ Value::String(_) => *before = Value::Array(vec![before.take(), one]),
            before => *before = one,
        }
    }
    if let Some(reason) = object.problem {
        value["reason"] = reason.code().into();
    }
    value
}
