def parse_csv_line(line, separator=","):
    """Fields of one line; double quotes protect separators, a doubled quote stands for itself."""
    fields = []
    field = ""
    quoted = False
    index = 0
    while index < len(line):
        char = line[index]
        if quoted:
            if char == '"':
                if line[index + 1:index + 2] == '"':
                    field += '"'
                    index += 1
                else:
                    quoted = False
            else:
                field += char
        elif char == '"':
            quoted = True
        elif char == separator:
            fields.append(field)
            field = ""
        else:
            field += char
        index += 1
    fields.append(field)
    return fields
