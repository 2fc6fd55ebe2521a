//! Signed requests to EC2, by hand: its SDK is the largest of all by far, and of its more than seven hundred operations a dozen is
//! asked, for a few fields each. What is asked and what the fields mean is the business of [`crate::control_plane`].

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::signing::{Service, signed};
use super::{Signer, reply};
use crate::observations::{CallFailure, Reply};

/// The version of the API (Amazon EC2 API reference, "Making API requests").
const VERSION: &str = "2016-11-15";
/// What stands for itself in a form (RFC 3986, "Unreserved Characters").
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One call with its parameters in order; the body of the answer stands beside the reply.
pub(crate) async fn ec2(
    signer: &Signer<'_>,
    action: &str,
    parameters: &[(String, String)],
) -> Result<(Reply, Bytes), CallFailure> {
    let request =
        Request::post(format!("{}/", signer.url())).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = signed(signer, Service::Ec2, request, form(action, parameters))?;
    let received = signer.connection.exchange(request).await?;
    let operation = format!("ec2:{action}");
    let reply = reply::of_signed(&operation, signer.credentials, &received, reply::reason(&received));
    Ok((reply, received.body))
}

fn form(action: &str, parameters: &[(String, String)]) -> String {
    let parameters = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all = [("Action", action), ("Version", VERSION)].into_iter().chain(parameters);
    let pairs = all.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, RESERVED)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn values_of_a_form_are_encoded_and_stand_in_order() {
        let parameters = [
            ("Filter.1.Name".to_owned(), "association.subnet-id".to_owned()),
            ("NextToken".to_owned(), "a+b/c=&".to_owned()),
        ];
        let expected = "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=association.subnet-id&NextToken=a%2Bb%2Fc%3D%26";
        assert_eq!(form("DescribeSubnets", &parameters), expected);
    }
}
