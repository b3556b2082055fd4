; What is in an `impl` belongs to its type.
[(function_item name: (identifier) @name) (function_signature_item name: (identifier) @name)] @function
[(struct_item name: (type_identifier) @name) (union_item name: (type_identifier) @name)] @struct
(enum_item name: (type_identifier) @name) @enum
(enum_variant name: (identifier) @name) @constant
(trait_item name: (type_identifier) @name) @interface
[(type_item name: (type_identifier) @name) (associated_type name: (type_identifier) @name)] @type
(mod_item name: (identifier) @name) @module
(macro_definition name: (identifier) @name) @macro
[(const_item name: (identifier) @name) (static_item name: (identifier) @name)] @constant
(impl_item type: (_) @name) @scope
(use_declaration) @import
(mod_item !body) @import
(extern_crate_declaration) @import
