"""Users in MongoDB. The only file of the gateway that knows the database."""

from pymongo.errors import DuplicateKeyError

from tensorfleet.gateway.users import Role, User
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated


class MongoUserStore:
    """The collection `users`, by name (`_id`), which is its only index and only query."""

    def __init__(self, database: Database) -> None:
        self._users = database.get_collection("users")

    async def find(self, name: str) -> User | None:
        """See UserStore."""
        with mongo_errors_translated():
            document = await self._users.find_one({"_id": name})
        return _to_user(document) if document else None

    async def add(self, user: User) -> bool:
        """See UserStore."""
        try:
            with mongo_errors_translated():
                await self._users.insert_one(_to_document(user))
        except DuplicateKeyError:
            return False
        return True


def _to_document(user: User) -> Document:
    return {
        "_id": user.name,
        "password_hash": user.password_hash,
        "role": user.role.value,
        "project": user.project,
        "create_time": user.create_time,
    }


def _to_user(document: Document) -> User:
    return User(
        name=document["_id"],
        password_hash=document["password_hash"],
        role=Role(document["role"]),
        project=document["project"],
        create_time=document["create_time"],
    )
