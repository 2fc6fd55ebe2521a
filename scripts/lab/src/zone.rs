//! Zone ids, which AWS derives from a region's name and hands out by instance metadata.
//!
//! Partitions and domain names are the business of the simulated AWS, not of this module.

/// A zone id in the form AWS gives them: `use1-az1` for zone `a` of `us-east-1`.
pub(crate) fn zone_id(region: &str, zone: char) -> String {
    let mut parts = region.split('-').rev();
    let number = parts.next().unwrap_or_default();
    let direction = parts.next().unwrap_or_default();
    let area: String = parts.rev().map(|part| if part == "gov" { "g" } else { part }).collect();
    let compass: String = match direction {
        "northeast" => "ne".to_owned(),
        "northwest" => "nw".to_owned(),
        "southeast" => "se".to_owned(),
        "southwest" => "sw".to_owned(),
        other => other.chars().take(1).collect(),
    };
    let position = u32::from(zone).saturating_sub(u32::from('a')) + 1;
    format!("{area}{compass}{number}-az{position}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids_are_abbreviated_like_those_of_aws() {
        assert_eq!(zone_id("us-east-1", 'a'), "use1-az1");
        assert_eq!(zone_id("cn-north-1", 'b'), "cnn1-az2");
        assert_eq!(zone_id("ap-southeast-2", 'c'), "apse2-az3");
        assert_eq!(zone_id("us-gov-west-1", 'a'), "usgw1-az1");
    }
}
