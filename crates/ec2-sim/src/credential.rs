//! Who calls, and where: the credential scope of a signature (version 4) in the `Authorization` header.

use crate::error::Error;

/// What a signed request says of itself. The signature is not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Credential {
    /// Reads `AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/ec2/aws4_request, …`.
    pub(crate) fn from_header(authorization: Option<&str>) -> Result<Self, Error> {
        let header = authorization.ok_or_else(|| Error::new("MissingAuthenticationToken", "Request is missing Authentication Token"))?;
        Self::parse(header).ok_or_else(Error::auth_failure)
    }

    fn parse(header: &str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let scope = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
        match scope.split('/').collect::<Vec<_>>()[..] {
            [access_key, _date, region, service, "aws4_request"] if !access_key.is_empty() => {
                Some(Self { access_key: access_key.to_owned(), region: region.to_owned(), service: service.to_owned() })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_scope() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=00";
        let credential = Credential::from_header(Some(header)).unwrap();
        assert_eq!((&credential.access_key[..], &credential.region[..], &credential.service[..]), ("AKID", "eu-west-1", "sts"));
    }

    #[test]
    fn refuses_what_is_missing_or_not_signed_that_way() {
        assert_eq!(Credential::from_header(None).unwrap_err().code, "MissingAuthenticationToken");
        for header in [
            "",
            "Basic dXNlcg==",
            "AWS4-HMAC-SHA256 ",
            "AWS4-HMAC-SHA256 Credential=AKID",
            "AWS4-HMAC-SHA256 Credential=/a/b/c/aws4_request",
        ] {
            assert_eq!(Credential::from_header(Some(header)).unwrap_err().code, "AuthFailure", "{header}");
        }
    }
}
