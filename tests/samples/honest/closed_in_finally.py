"""A finally that cleans up."""
# --- module
# --- original
def rows(connect, query):
    connection = connect()
    result = connection.execute(query)
    return list(result)
# --- candidate
def rows(connect, query):
    connection = connect()
    try:
        return list(connection.execute(query))
    finally:
        connection.close()
