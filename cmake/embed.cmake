# Writes FILES as NUL-terminated byte arrays and a table { name, bytes } to OUTPUT. The name is the file
# name with its extension; HEADER declares the table TABLE, whose elements are of type TYPE. Byte arrays,
# because string literals are limited to 4095 characters by C11.
set(arrays "")
set(table "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER ${name} symbol)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "static const char ${symbol}[] = {${bytes}0};\n")
  string(APPEND table "    {\"${name}\", ${symbol}},\n")
endforeach()
file(WRITE ${OUTPUT}.tmp "#include \"${HEADER}\"\n\n${arrays}\nconst ${TYPE} ${TABLE}[] = {\n${table}    {0, 0}};\n")
file(COPY_FILE ${OUTPUT}.tmp ${OUTPUT} ONLY_IF_DIFFERENT)
file(TOUCH_NOCREATE ${OUTPUT})
