(attribute (attribute_name) @word (quoted_attribute_value (attribute_value) @name)) @worded
