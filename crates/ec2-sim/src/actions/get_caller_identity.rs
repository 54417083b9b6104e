//! `GetCallerIdentity` of STS: who is calling. It needs no permission and takes no parameters.

use crate::scope::Scope;
use crate::xml::Xml;

pub(super) const NAME: &str = "GetCallerIdentity";

pub(super) fn perform(scope: &Scope, answer: &mut Xml) {
    answer.element("GetCallerIdentityResult", |result| {
        result.leaf("Arn", scope.caller_arn()).leaf("UserId", scope.caller_id()).leaf("Account", &scope.account);
    });
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, noon};
    use crate::world::World;

    #[test]
    fn says_whose_key_it_is() {
        let mut world = World::new(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let sts = Client::of(world).of_service("sts");
        assert_eq!(sts.with_key("AKIDOTHER").ok("GetCallerIdentity", &[]).text("Account"), "210987654321");
        assert_snapshot!(sts.ok("GetCallerIdentity", &[]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <GetCallerIdentityResult>
                <Arn>arn:aws:iam::123456789012:user/operator</Arn>
                <UserId>AIDAEXAMPLEOPERATOR00</UserId>
                <Account>123456789012</Account>
            </GetCallerIdentityResult>
            <ResponseMetadata>
                <RequestId>984e7bc9-b2d5-4de0-ae20-61a98730e47f</RequestId>
            </ResponseMetadata>
        </GetCallerIdentityResponse>
        "#);
    }

    #[test]
    fn errors_look_different_from_those_of_ec2() {
        let sts = Client::of(World::new(1, noon())).of_service("sts");
        assert_snapshot!(sts.call("DescribeImages", &[]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <Error>
                <Type>Sender</Type>
                <Code>InvalidAction</Code>
                <Message>The action DescribeImages is not valid for this web service.</Message>
            </Error>
            <RequestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</RequestId>
        </ErrorResponse>
        "#);
    }
}
