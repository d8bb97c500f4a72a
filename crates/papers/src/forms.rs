//! Site information and network: what the ISO's forms ask for, as far as a site file knows it.

use maud::{Markup, html};
use site::{Figures, Location, Site};

use crate::Material;
use crate::page::{or_blank, page};

/// Plant, parts, met stations and where they stand.
pub(crate) fn site_information(material: &Material<'_>) -> String {
    let site = material.site;
    let file = &site.master_file;
    let services = file.services.as_ref().map(|services| {
        let words: Vec<_> = services.iter().map(ToString::to_string).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    });
    let body = html! {
        h2 { "Resource" }
        table {
            tr { th { "Resource id" } td { (or_blank(file.id.as_ref())) } }
            tr { th { "Name" } td { (site.name) } }
            tr { th { "Kind" } td { (site.resource) } }
            tr { th { "Balancing area" } td { (or_blank(file.area)) } }
            tr { th { "Services" } td { (or_blank(services)) } }
            (figures(&file.figures))
            (location(&file.location))
        }
        h2 { "Parts" }
        @if site.components.is_empty() { p { "None: the resource is one plant." } } @else {
            @for component in &site.components {
                table {
                    tr { th { "Part" } td { code { (component.id) } } }
                    tr { th { "Kind" } td { (component.kind) } }
                    (figures(&component.figures))
                    (location(&component.location))
                }
                br;
            }
        }
        h2 { "Met stations" }
        @if site.stations.is_empty() { p { "None." } } @else {
            table {
                tr { th { "Station" } th { "Kind" } th { "Of" } th { "Latitude" } th { "Longitude" } th { "Elevation, m" } th { "Own power" } th { "Measures" } }
                @for (at, station) in site.stations.iter().enumerate() {
                    tr {
                        td { code { (station.id) } }
                        td { (station.kind) }
                        td { (station.component.and_then(|at| site.components.get(at.get())).map_or("the plant", |one| &one.id)) }
                        td { (or_blank(station.location.latitude)) }
                        td { (or_blank(station.location.longitude)) }
                        td { (or_blank(station.location.elevation_m)) }
                        td { (or_blank(station.independent_power.map(|own| if own { "yes" } else { "no" }))) }
                        td { (measures(site, at)) }
                    }
                }
            }
        }
    };
    page(material, "Site information", &body)
}

fn measures(site: &Site, station: usize) -> String {
    let names: Vec<_> = site
        .analogs
        .iter()
        .filter(|analog| analog.station.is_some_and(|at| at.get() == station))
        .map(|analog| format!("{} ({})", analog.point.name, analog.unit))
        .collect();
    names.join("; ")
}

fn figures(figures: &Figures) -> Markup {
    html! {
        tr { th { "Rated capacity, MW" } td { (or_blank(figures.capacity_mw)) } }
        tr { th { "Pmin, MW" } td { (or_blank(figures.pmin_mw)) } }
        tr { th { "Pmax, MW" } td { (or_blank(figures.pmax_mw)) } }
        @if figures.energy_min_mwh.is_some() || figures.energy_max_mwh.is_some() {
            tr { th { "Least energy, MWh" } td { (or_blank(figures.energy_min_mwh)) } }
            tr { th { "Most energy, MWh" } td { (or_blank(figures.energy_max_mwh)) } }
        }
        @if figures.ramp_mw_per_min.is_some() {
            tr { th { "Ramp rate, MW/min" } td { (or_blank(figures.ramp_mw_per_min)) } }
        }
    }
}

fn location(location: &Location) -> Markup {
    html! {
        tr { th { "Latitude, degrees north" } td { (or_blank(location.latitude)) } }
        tr { th { "Longitude, degrees east" } td { (or_blank(location.longitude)) } }
        tr { th { "Elevation, m" } td { (or_blank(location.elevation_m)) } }
    }
}

/// Addresses, names and TLS.
pub(crate) fn network(material: &Material<'_>) -> String {
    let site = material.site;
    let listen = site.outstation.listen;
    let blank = None::<&str>;
    let body = html! {
        h2 { "Device: DNP3 outstation, TCP and TLS server" }
        table {
            tr { th { "Name at the ISO" } td { (or_blank(site.master_file.device_name.as_ref())) } }
            tr { th { "Static IP address" } td { @if listen.ip().is_unspecified() { (or_blank(blank)) } @else { (listen.ip()) } } }
            tr { th { "Subnet mask" } td { (or_blank(blank)) } }
            tr { th { "Gateway" } td { (or_blank(blank)) } }
            tr { th { "TCP port" } td { (listen.port()) } }
            tr { th { "DNP3 address" } td { (site.outstation.address) } }
            tr { th { "Transport" } td { "TCP, mutual TLS " (site.tls_floor) " or later" } }
            tr { th { "Certificate" } td { code { (site.as_named(&site.tls.certificate).display()) } } }
            tr { th { "Trust anchors" } td { @for file in &site.tls.trust_anchors { code { (site.as_named(file).display()) } " " } } }
            tr { th { "Circuit" } td { (or_blank(blank)) } }
        }
        h2 { "Masters: DNP3, TCP and TLS clients" }
        table {
            tr { th { "Master" } th { "DNP3 address" } th { "IP address" } th { "Certificates admitted" } th { "May control" } }
            @for master in &site.masters {
                tr {
                    td { (master.name) }
                    td { (master.address) }
                    td { (or_blank(blank)) }
                    td { @for identity in &master.admit { code { (identity) } " " } }
                    td { @if master.control { "yes" } @else { "no" } }
                }
            }
        }
        p { small { "A line to write on stands where the site file holds no such thing. Keys are never part of these papers." } }
    };
    page(material, "Network", &body)
}
