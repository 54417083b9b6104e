"""EC2's own API model, as botocore ships it, held against every answer: an element or enum value it does not name is an error."""

import xml.etree.ElementTree as ET

# What the model leaves out: EC2 writes it, and clients take no notice.
UNMODELLED = {"requestId", "return", "ResponseMetadata"}


def check_answer(operation_model, response_dict, **_):
    """To be registered for botocore's event `before-parse`."""
    if response_dict["status_code"] != 200:
        return
    root = ET.fromstring(response_dict["body"])
    wrapper = operation_model.output_shape and operation_model.output_shape.serialization.get("resultWrapper")
    if wrapper:
        root = next(child for child in root if local_name(child) == wrapper)
    if operation_model.output_shape is None:
        assert {local_name(child) for child in root} <= UNMODELLED, ET.tostring(root)
    else:
        check(root, operation_model.output_shape, operation_model.name)


def check(element, shape, path):
    if shape.type_name == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for child in element:
            name = local_name(child)
            if name in members:
                check(child, members[name], f"{path}.{name}")
            else:
                assert name in UNMODELLED, f"{path}.{name} is not in the model"
    elif shape.type_name == "list":
        for child in element:
            assert local_name(child) == shape.member.serialization.get("name", "member"), f"{path}: {local_name(child)}"
            check(child, shape.member, f"{path}[]")
    else:
        assert len(element) == 0, f"{path} has elements inside"
        enum = shape.metadata.get("enum")
        assert not enum or not element.text or element.text in enum, f"{path}: {element.text}"


def local_name(element):
    return element.tag.rpartition("}")[2]
