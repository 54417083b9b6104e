//! Who calls, and where: the credential scope of a signature (version 4) in the `Authorization` header.

use crate::error::Error;
use crate::http::Request;

/// What a signed request says of itself. The signature is not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
    /// What goes with the key of a session.
    pub(crate) session_token: Option<String>,
}

impl Credential {
    /// Reads `AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/ec2/aws4_request, …`.
    pub(crate) fn of(request: &Request) -> Result<Self, Error> {
        let header = request.header("authorization");
        let header = header.ok_or_else(|| Error::new("MissingAuthenticationToken", "Request is missing Authentication Token"))?;
        Self::parse(header, request.header("x-amz-security-token")).ok_or_else(Error::auth_failure)
    }

    fn parse(header: &str, session_token: Option<&str>) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let scope = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
        match scope.split('/').collect::<Vec<_>>()[..] {
            [access_key, _date, region, service, "aws4_request"] if !access_key.is_empty() => Some(Self {
                access_key: access_key.to_owned(),
                region: region.to_owned(),
                service: service.to_owned(),
                session_token: session_token.map(str::to_owned),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request { headers: headers.collect(), ..Request::default() }
    }

    #[test]
    fn reads_the_scope_and_the_token_of_a_session() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=00";
        let credential = Credential::of(&request(&[("authorization", header)])).unwrap();
        assert_eq!((&credential.access_key[..], &credential.region[..], &credential.service[..]), ("AKID", "eu-west-1", "sts"));
        assert_eq!(credential.session_token, None);
        let credential = Credential::of(&request(&[("authorization", header), ("x-amz-security-token", "FwoG")])).unwrap();
        assert_eq!(credential.session_token.as_deref(), Some("FwoG"));
    }

    #[test]
    fn refuses_what_is_missing_or_not_signed_that_way() {
        assert_eq!(Credential::of(&request(&[])).unwrap_err().code, "MissingAuthenticationToken");
        for header in [
            "",
            "Basic dXNlcg==",
            "AWS4-HMAC-SHA256 ",
            "AWS4-HMAC-SHA256 Credential=AKID",
            "AWS4-HMAC-SHA256 Credential=/a/b/c/aws4_request",
        ] {
            assert_eq!(Credential::of(&request(&[("authorization", header)])).unwrap_err().code, "AuthFailure", "{header}");
        }
    }
}
